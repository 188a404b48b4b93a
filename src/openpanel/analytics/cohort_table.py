"""Where the members of static cohorts are kept. A new computation is a new generation; questions read one of them."""

from typing import Final

from openpanel.warehouse.native import Column
from openpanel.warehouse.schema import Table

COHORT_MEMBERS: Final = Table(
    name="cohort_members",
    columns=(
        Column("project_id", "LowCardinality(String)"),
        Column("cohort_id", "LowCardinality(String)"),
        Column("generation", "UInt64"),
        Column("person", "UInt64"),
    ),
    engine="ReplacingMergeTree",
    order_by="(project_id, cohort_id, generation, person)",
    granularity=1024,
    shard_by="cityHash64(project_id, person)",
)
