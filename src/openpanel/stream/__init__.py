"""The way of accepted messages from the API to the worker: sessions, frames, Redis streams, spool, drain.

`messages` holds what travels, `commit` is the API's side, `drain` the worker's. Owns the Redis of its pool and
knows neither the warehouse nor the metadata.
"""

from openpanel.stream.depths import PoolDepth, depths
from openpanel.stream.keys import Pool

__all__ = ["Pool", "PoolDepth", "depths"]
