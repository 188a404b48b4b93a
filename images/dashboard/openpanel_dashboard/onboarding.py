"""What somebody needs to send the first event: the snippet with the project's own client, and a command."""

import json
from dataclasses import dataclass
from html import escape
from typing import Final

from openpanel.metadata import Database, clients
from openpanel.metadata.records import ProjectRecord
from openpanel_dashboard.languages import Language

# Calls are kept in a queue until the script has loaded; the first of them must be `init`.
_SNIPPET: Final = """\
<script>
  window.op = window.op || function () {
    var q = [];
    return new Proxy(function () { arguments.length && q.push([].slice.call(arguments)); }, {
      get: function (_, name) {
        return name === "q" ? q : function () { q.push([name].concat([].slice.call(arguments))); };
      },
      has: function (_, name) { return name === "q"; },
    });
  }();
  window.op("init", {
    apiUrl: INGEST,
    clientId: CLIENT,
    trackScreenViews: true,
    trackOutgoingLinks: true,
    trackAttributes: true,
  });
</script>
<script src=SCRIPT defer async></script>"""
_COMMAND: Final = """\
curl INGEST/track \\
  -H 'content-type: application/json' \\
  -H 'openpanel-client-id: CLIENT' \\
  -H 'origin: ORIGIN' \\
  -d '{"type": "track", "payload": {"name": "screen_view", "properties": {"__path": "ORIGIN/"}}}'"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the page of a project without events shows."""

    snippet: str
    command: str
    origins: str


def waiting(database: Database, *, project: ProjectRecord, ingest_url: str, language: Language) -> Waiting:
    """With the client id of the project's first browser client."""
    known = clients.listed(database, project=project.id)
    client = next((one.id for one in known if one.type == "write"), "")
    named = client or language.say("the id of a write client")
    origin = next((one for one in project.cors if "*" not in one), "https://example.com")
    return Waiting(
        snippet=_filled(
            _SNIPPET,
            INGEST=_script(ingest_url),
            CLIENT=_script(named),
            SCRIPT=_attribute(f"{ingest_url}/op1.js"),
        ),
        command=_filled(_COMMAND, INGEST=ingest_url, CLIENT=named, ORIGIN=origin),
        origins=", ".join(project.cors) or language.say("none is set"),
    )


def _filled(text: str, **values: str) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _attribute(text: str) -> str:
    return f'"{escape(text, quote=True)}"'


def _script(text: str) -> str:
    """A string of a script inside an HTML page: what could end the script is escaped."""
    return json.dumps(text).replace("<", "\\u003c")
