"""The domain of the analytics platform: it knows no web framework, no operator and no job queue.

Time zones go by the rules of the pinned `tzdata` package in every process: those of the machine come first otherwise,
and may be years older than the rules that the warehouse has built in. One project would have two kinds of days.
"""

import zoneinfo

zoneinfo.reset_tzpath(())
