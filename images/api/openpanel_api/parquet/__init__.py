"""Parquet files, written page by page in constant memory. Knows no event.

Its own, because every library that writes them weighs more than all the rest of the API. It writes what
https://parquet.apache.org/docs/file-format/ calls the first version of data pages, with the few types that are needed.
"""

from openpanel_api.parquet.columns import Column, Kind
from openpanel_api.parquet.file import File

__all__ = ["Column", "File", "Kind"]
