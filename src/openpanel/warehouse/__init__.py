"""ClickHouse: tables as values, migrations, the Native writer and the one client.

What other rooms use:

    Warehouse, WarehouseError, Unavailable, Refused      asking and inserting (`client`, `errors`)
    tables.EVENTS, tables.SESSIONS, …                    what is stored (`tables`)
    native.encode_block, native.string_fragment          rows to bytes (`native`)
    migrations.migrate, retention.apply_retention        making the tables what they should be
"""

from openpanel.warehouse.client import Warehouse
from openpanel.warehouse.errors import Refused, Unavailable, WarehouseError

__all__ = ["Refused", "Unavailable", "Warehouse", "WarehouseError"]
