"""The script tag that a page needs to be counted. Pure text."""

from typing import Final

# `window.op` collects calls until the script has come and takes them over.
_SNIPPET: Final = """\
<script>
  window.op = window.op || function () {{
    var n = [];
    return new Proxy(function () {{ arguments.length && n.push([].slice.call(arguments)); }}, {{
      get: function (t, r) {{
        return r === "q" ? n : function () {{ n.push([r].concat([].slice.call(arguments))); }};
      }},
      has: function (t, r) {{ return r === "q"; }}
    }});
  }}();
  window.op("init", {{
    apiUrl: "{ingest}",
    clientId: "{client}",
    trackScreenViews: true,
    trackOutgoingLinks: true,
    trackAttributes: true
  }});
</script>
<script src="{ingest}/op1.js" defer async></script>
"""


def snippet(*, ingest_url: str, client_id: str) -> str:
    """What to paste into a page's head."""
    return _SNIPPET.format(ingest=ingest_url, client=client_id)
