"""Tables and views as values, and how they become statements for one server or for a cluster.

Knows how ClickHouse wants to be told and none of this project's tables (`tables`, `views`). One definition
renders both forms, so they cannot drift apart:

    Single       <name>                                  a table of the MergeTree family
    Clustered    <name>_local                            replicated, one per shard; views fill and are filled here
                 <name>                                  Distributed over them; questions are asked and rows inserted here

Statements are written for being run twice, and once per server (`ON CLUSTER` is never used).
"""

from dataclasses import dataclass
from typing import Final, Literal

from openpanel.warehouse.native import Column

# Every table drops an insert that it has seen, by its token; a repeat heals what a crash left half done, but
# only if the repeat reaches it while its blocks are remembered. An insert takes one place per month it touches.
REMEMBERED_BLOCKS: Final = 10_000
REMEMBERED_SECONDS: Final = 7 * 86_400

# A changed TTL only dates the parts anew, which reads two columns; rows go with merges, looked for once an hour.
_EXPIRY: Final = {"materialize_ttl_recalculate_only": 1, "merge_with_ttl_timeout": 3600}

# What is inserted leaves the stream, which was the copy on disk: so an insert is answered when its parts are on disk.
DURABLE: Final = {"fsync_after_insert": 1, "fsync_part_directory": 1}

Scope = Literal["data", "server"]


@dataclass(frozen=True, slots=True)
class Index:
    """A skip index."""

    name: str
    expression: str
    type: str
    granularity: int = 1


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `shard_by` decides which shard a row written through the Distributed table goes to.

    `scope` "server": every server of a cluster has its own and there is no Distributed table.
    """

    name: str
    columns: tuple[Column, ...]
    order_by: str
    engine: str = "MergeTree"
    partition_by: str = ""
    ttl: str = ""
    indexes: tuple[Index, ...] = ()
    granularity: int = 8192
    shard_by: str = "rand()"
    scope: Scope = "data"

    @property
    def written(self) -> tuple[Column, ...]:
        """The columns that inserts fill."""
        return tuple(column for column in self.columns if not column.alias)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns that an insert fills."""
        return tuple(column.name for column in self.written)


@dataclass(frozen=True, slots=True)
class View:
    """A materialised view: with each insert into `source` its `select` over the new rows goes into `target`.

    `select` names the rows as `{source}`.
    """

    name: str
    source: Table
    target: Table
    select: str


@dataclass(frozen=True, slots=True)
class Single:
    """One server, or the embedded engine."""


@dataclass(frozen=True, slots=True)
class Clustered:
    """Shards with replicas. The servers' macros `shard` and `replica` tell them apart."""

    cluster: str = "openpanel"
    keeper_path: str = "/clickhouse/tables/{shard}/{database}"


Form = Single | Clustered


def local_name(table: Table, *, form: Form) -> str:
    """The table that holds rows, on the shard that is asked: where views read and write."""
    return f"{table.name}_local" if isinstance(form, Clustered) and table.scope == "data" else table.name


def render(subject: Table | View, *, form: Form) -> tuple[str, ...]:
    """The statements that make a table or a view where it is not there yet."""
    if isinstance(subject, View):
        return (_view(subject, form),)
    if isinstance(form, Clustered) and subject.scope == "data":
        return (_table(subject, form), _distributed(subject, form))
    return (_table(subject, form),)


def redefine(view: View, *, form: Form) -> str:
    """The statement that gives a view that is there its definition of today; no insert is missed meanwhile."""
    return f"ALTER TABLE `{view.name}` MODIFY QUERY\n{_select(view, form)}"


def column_definition(column: Column) -> str:
    """The column as CREATE TABLE and ADD COLUMN write it."""
    parts = [f"`{column.name}` {column.type}"]
    if column.alias:
        parts.append(f"ALIAS {column.alias}")
    if column.codec:
        parts.append(f"CODEC({column.codec})")
    return " ".join(parts)


def _table(table: Table, form: Form) -> str:
    name = local_name(table, form=form)
    definitions = [column_definition(column) for column in table.columns]
    definitions += [
        f"INDEX {index.name} {index.expression} TYPE {index.type} GRANULARITY {index.granularity}"
        for index in table.indexes
    ]
    lines = [
        f"CREATE TABLE IF NOT EXISTS `{name}`",
        "(",
        ",\n".join(f"    {line}" for line in definitions),
        ")",
    ]
    lines.append(f"ENGINE = {_engine(table, name, form)}")
    if table.partition_by:
        lines.append(f"PARTITION BY {table.partition_by}")
    lines.append(f"ORDER BY {table.order_by}")
    if table.ttl:
        lines.append(f"TTL {table.ttl}")
    lines.append(f"SETTINGS {_settings(table, form)}")
    return "\n".join(lines)


def _engine(table: Table, name: str, form: Form) -> str:
    if not isinstance(form, Clustered) or table.scope == "server":
        return table.engine
    family, _, arguments = table.engine.partition("(")
    place = f"'{form.keeper_path}/{name}', '{{replica}}'"
    return f"Replicated{family}({place}{', ' + arguments if arguments else ')'}"


def _settings(table: Table, form: Form) -> str:
    settings = {"index_granularity": table.granularity, **_EXPIRY, **DURABLE}
    if isinstance(form, Clustered) and table.scope == "data":
        settings["replicated_deduplication_window"] = REMEMBERED_BLOCKS
        settings["replicated_deduplication_window_seconds"] = REMEMBERED_SECONDS
    else:
        settings["non_replicated_deduplication_window"] = REMEMBERED_BLOCKS
    return ", ".join(f"{name} = {value}" for name, value in settings.items())


def _distributed(table: Table, form: Clustered) -> str:
    local = local_name(table, form=form)
    return (
        f"CREATE TABLE IF NOT EXISTS `{table.name}` AS `{local}`\n"
        f"ENGINE = Distributed('{form.cluster}', currentDatabase(), '{local}', {table.shard_by})"
    )


def _view(view: View, form: Form) -> str:
    target = local_name(view.target, form=form)
    return f"CREATE MATERIALIZED VIEW IF NOT EXISTS `{view.name}` TO `{target}` AS\n{_select(view, form)}"


def _select(view: View, form: Form) -> str:
    return view.select.replace("{source}", f"`{local_name(view.source, form=form)}`")
