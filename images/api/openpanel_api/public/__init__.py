"""The public API (port 3002): what programs may ask with a `read` or `root` client.

`app` wires it; one router per noun. Handlers parse, ask and answer; what is asked lives in `openpanel.analytics`.
"""
