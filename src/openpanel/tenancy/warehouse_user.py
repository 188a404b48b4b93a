"""A project's own user in ClickHouse: it reads the project's rows, within limits, and nothing else. Text only.

The texts are for servers whose users can be made by SQL (access storage that all servers of a cluster share, so
nothing here says `ON CLUSTER`); the embedded engine has none. All of them may be repeated. The settings profile
comes last and carries a digest of everything before it in its name, the secret's hash included: where it exists, and
nobody took anything away since, nothing is left to do.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

from openpanel.warehouse import tables
from openpanel.warehouse.schema import Form, local_name

DIGEST_CHARACTERS: Final = 12

# The value and the most that a query may ask for itself.
LIMITS: Final[Mapping[str, tuple[int, int]]] = {
    "max_execution_time": (30, 60),  # seconds
    "max_memory_usage": (2_000_000_000, 4_000_000_000),  # bytes
    "max_bytes_before_external_group_by": (1_000_000_000, 2_000_000_000),  # bytes
    "max_threads": (4, 8),
    "max_result_rows": (1_000_000, 10_000_000),
    "max_concurrent_queries_for_user": (8, 8),
}
FIXED: Final[Mapping[str, int]] = {"readonly": 2, "allow_ddl": 0}  # 2: reads only, and may set limits
PER_HOUR: Final[Mapping[str, int]] = {
    "queries": 20_000,
    "errors": 2_000,
    "result_rows": 1_000_000_000,
    "read_rows": 1_000_000_000_000,
    "execution_time": 7_200,  # seconds
}

EXISTS: Final = "SELECT name FROM system.users WHERE name = {name:String}"
PROFILES: Final = "SELECT name FROM system.settings_profiles WHERE startsWith(name, {prefix:String})"
# What there is of the rest: policies, grants, quotas.
COUNTS: Final = """
SELECT
    (SELECT count() FROM system.row_policies
        WHERE database = {database:String} AND short_name IN ({name:String}, {services:String})),
    (SELECT count() FROM system.grants
        WHERE database = {database:String} AND user_name = {name:String} AND access_type = 'SELECT'),
    (SELECT count() FROM system.quotas WHERE name = {name:String})
"""
# With a colon, which no project has in its name: "openpanel_services" is what one called `services` has.
ALLOW_SERVICES: Final = "openpanel:services"


def user_name(project: str) -> str:
    """The user's name; quota and policies are called the same."""
    return f"openpanel_{project}"


def profile_prefix(project: str) -> str:
    """What the names of all profiles of this user begin with; names of projects have no colon."""
    return f"{user_name(project)}:"


def profile_name(project: str, *, secret: str, database: str, form: Form) -> str:
    """The name of the settings profile that belongs to exactly these statements."""
    text = "\n".join([*_before_the_profile(project, secret, database, form), _limits()])
    return profile_prefix(project) + sha256(text.encode()).hexdigest()[:DIGEST_CHARACTERS]


def creation(project: str, *, secret: str) -> str:
    """Make the user, who may do nothing yet. The text holds a hash of the secret and not the secret."""
    return f"CREATE USER IF NOT EXISTS {_identifier(user_name(project))} {_identified(secret)}"


def rights(project: str, *, secret: str, database: str, form: Form) -> tuple[str, ...]:
    """How the user is known and what it may do, to be run in this order."""
    user = _identifier(user_name(project))
    profile = _identifier(profile_name(project, secret=secret, database=database, form=form))
    made = f"CREATE SETTINGS PROFILE OR REPLACE {profile} SETTINGS {_limits()} TO {user}"
    return (*_before_the_profile(project, secret, database, form), made)


def least(*, database: str, form: Form) -> tuple[int, int, int]:
    """How many policies, grants and quotas there are where nobody took one away, as `COUNTS` asks for them."""
    tables = len(_readable(database=database, form=form))
    return 2 * tables, tables, 1


def removal(project: str, *, database: str, form: Form, profiles: Iterable[str]) -> tuple[str, ...]:
    """Take the user away with all that was made for it; `profiles` are those that there are."""
    name = _identifier(user_name(project))
    policies = (
        f"DROP ROW POLICY IF EXISTS {name} ON {table}" for table in _readable(database=database, form=form)
    )
    return (
        f"DROP USER IF EXISTS {name}",
        *policies,
        f"DROP QUOTA IF EXISTS {name}",
        *(drop_profile(profile) for profile in profiles),
    )


def drop_profile(name: str) -> str:
    """Take a settings profile away."""
    return f"DROP SETTINGS PROFILE IF EXISTS {_identifier(name)}"


def _before_the_profile(project: str, secret: str, database: str, form: Form) -> tuple[str, ...]:
    user = _identifier(user_name(project))
    readable = _readable(database=database, form=form)
    interval = ", ".join(f"{what} = {most}" for what, most in PER_HOUR.items())
    return (
        # A table with policies shows nothing to users that have none, and the services have no project.
        *(_policy(ALLOW_SERVICES, table, rows="1", to="CURRENT_USER") for table in readable),
        *(_policy(user_name(project), table, rows=f"project_id = {_text(project)}", to=user) for table in readable),
        *(f"GRANT SELECT ON {table} TO {user}" for table in readable),
        f"CREATE QUOTA OR REPLACE {user} FOR INTERVAL 1 hour MAX {interval} TO {user}",
        f"ALTER USER {user} {_identified(secret)} DEFAULT DATABASE {_identifier(database)}",
    )  # fmt: skip


def _identified(secret: str) -> str:
    return f"IDENTIFIED WITH sha256_hash BY '{sha256(secret.encode()).hexdigest()}'"


def _policy(name: str, table: str, *, rows: str, to: str) -> str:
    return f"CREATE ROW POLICY OR REPLACE {_identifier(name)} ON {table} FOR SELECT USING {rows} TO {to}"


def _limits() -> str:
    bounded = [f"{name} = {value} MAX {most}" for name, (value, most) in LIMITS.items()]
    fixed = [f"{name} = {value} CONST" for name, value in FIXED.items()]
    return ", ".join([*bounded, *fixed])


def _readable(*, database: str, form: Form) -> tuple[str, ...]:
    """Every table with rows of projects; in a cluster a question runs under its user on the shards, too."""
    names = dict.fromkeys(
        name
        for table in tables.ALL
        if table.scope == "data"
        for name in (table.name, local_name(table, form=form))
    )
    return tuple(f"{_identifier(database)}.{_identifier(name)}" for name in names)


def _identifier(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
