"""Names of the spools of pools that are not the process's own, so that what is left behind tells its pool.

The name carries the number of shards, because nobody else remembers it while the metadata is away.
"""

import re
from pathlib import Path
from typing import Final

from openpanel.stream.keys import Pool
from openpanel.stream.spool import SUFFIX

_NAME: Final = re.compile(r"(?P<pool>.+)_(?P<shards>[1-9][0-9]{0,3})\..*")


def spool_name(pool: Pool) -> str:
    """What the spool of a pool is called.

    >>> spool_name(Pool("shop", 4))
    'shop_4'
    """
    return f"{pool.name}_{pool.shards}"


def spooled_pools(folder: Path) -> list[Pool]:
    """The pools that have a spool with such a name in the folder."""
    names = sorted(path.name for path in folder.glob(f"*{SUFFIX}"))
    found = [match for name in names if (match := _NAME.fullmatch(name))]
    return list(dict.fromkeys(Pool(match["pool"], int(match["shards"])) for match in found))
