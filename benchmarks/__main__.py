"""`make bench`: every figure that the product states, measured in one run.

`python -m benchmarks [SECTION …]` runs only the named sections. Results go to the screen as a table and to
`.benchmarks/latest.json`. Nothing fails on a slow machine: figures are reported, not asserted.

The section `queries` asks over ten and over fifty million events; `OPENPANEL_BENCH_EVENTS=10000000` leaves the larger
out. Data sets are kept in `~/.cache/openpanel-bench`, about half a gigabyte for ten million events, and made anew, which
takes about a minute for as many, when the schema or the generator is another one.
"""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import Figure, table, write_json

SECTIONS = ("ingest", "worker", "queries", "whole")
BY_NAME_ONLY = ("operator",)  # needs an API server
RESULTS = Path(".benchmarks/latest.json")


def main(arguments: Sequence[str]) -> int:
    unknown = set(arguments) - {*SECTIONS, *BY_NAME_ONLY}
    if unknown:
        print(
            f"no such section: {', '.join(sorted(unknown))}; there are {', '.join((*SECTIONS, *BY_NAME_ONLY))}",
            file=sys.stderr,
        )
        return 2
    figures: list[Figure] = []
    for section in arguments or SECTIONS:
        print(f"measuring {section} …", file=sys.stderr, flush=True)
        figures += importlib.import_module(f"benchmarks.{section}").measure()
    print(table(figures))
    write_json(figures, RESULTS)
    print(f"\nalso in {RESULTS}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
