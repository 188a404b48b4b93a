"""The ingest service: a raw ASGI application from the bytes of a call to its answer after the commit.

`app` has the routes. A call passes `receive` (bytes), `openpanel.wire` (message), `admission` (who sends it),
`placing` (device, time, session run) and the committer of `openpanel.stream`. `server` puts it on a port.
"""
