"""The ClickHouse engine as a server: ClickHouse's HTTP interface in front of the engine as a library (chdb).

Run it with `python -m openpanel_local.clickhouse`. Clients see a ClickHouse server: clickhouse-connect and curl
work unchanged. What reaches the engine was read by `statements` first, because the engine as a library trusts
whoever calls it: it would write files, read files and run programs for any client.

Order of a request: `app` (routes, answers) → `request` (what was asked, by whom) → `statements` (what kind of
statement, is it allowed) → `running` (limits, clients that went away) → `engine` (one connection per request).
"""
