"""What is asked of single servers before one goes, is restarted or is asked by others."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from openpanel.warehouse import Unavailable, Warehouse
from openpanel.warehouse.schema import Single
from openpanel_operator import servers
from openpanel_operator.desired import Node
from tests.operator.told import Told

ROOT = Path(__file__).parents[2]
TABLES = 15
FIRST, SECOND = Node(0, 0), Node(0, 1)
OTHER = Node(1, 0)


def test_engine_takes_what_servers_are_asked(tmp_path: Path) -> None:
    pytest.importorskip("chdb")

    trial = subprocess.run(
        [sys.executable, "-m", "tests.operator.servers_trial", str(tmp_path)],
        cwd=ROOT,
        env={"TZ": "UTC", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    assert trial.returncode == 0, trial.stderr[-5_000:]


@pytest.mark.parametrize(
    ("says", "spare"),
    [
        pytest.param((TABLES, 0), True, id="all there"),
        pytest.param((TABLES, 1), False, id="one table behind"),
        pytest.param((0, 0), False, id="no tables"),
    ],
)
def test_replica_goes_when_those_that_stay_have_all(says: tuple[int, int], spare: bool) -> None:
    there: dict[Node, Warehouse] = {FIRST: Told(replicas=[says]), SECOND: Told()}

    assert spares(SECOND, there, leaving={SECOND}) == spare


def test_replica_stays_while_one_that_stays_does_not_answer() -> None:
    there: dict[Node, Warehouse] = {FIRST: Told(), SECOND: Told(replicas=[(TABLES, 0)])}

    with pytest.raises(Unavailable):
        spares(SECOND, there, leaving={SECOND})


@pytest.mark.parametrize(
    ("rows", "written", "spare"),
    [
        pytest.param(0, (1, 1), True, id="empty"),
        pytest.param(7, (1, 1), False, id="has rows"),
        pytest.param(0, (1, 2), False, id="it still writes to itself"),
        pytest.param(0, (2, 1), False, id="another still writes there"),
        pytest.param(0, (1, 0), False, id="one does not know the cluster"),
    ],
)
def test_shard_goes_when_it_is_empty_and_nobody_writes_there(
    rows: int, written: tuple[int, int], spare: bool
) -> None:
    stays, goes = (Told(clusters=[(number,)], parts=[(rows,)]) for number in written)

    assert spares(OTHER, {FIRST: stays, OTHER: goes}, leaving={OTHER}) == spare


@pytest.mark.parametrize(
    ("says", "delay"), [((0, 0), 0), ((75, 0), 75), ((0, 3), None)], ids=["even", "behind", "read-only"]
)
def test_delay_is_known_of_servers_that_take_part(says: tuple[int, int], delay: int | None) -> None:
    assert servers.delay(Told(replicas=[says])) == delay


FORM = Single()
WHOLE = servers.whole(FORM)
OLDER = servers.Furniture(WHOLE.names - {"cohort_members"}, WHOLE.migrations - {max(WHOLE.migrations)})
LOST = servers.Furniture()
BEGUN = servers.Furniture(OLDER.names, frozenset({1}))


@pytest.mark.parametrize(
    ("had", "new", "has"),
    [
        pytest.param((OLDER, OLDER), OLDER, (True, True, True), id="the newest migration waits"),
        pytest.param((WHOLE, OLDER), WHOLE, (True, True, True), id="it runs"),
        pytest.param(
            (OLDER, OLDER), BEGUN, (True, True, False), id="a new server lacks what the others have"
        ),
        pytest.param((OLDER, LOST), OLDER, (True, False, True), id="one has lost its volume"),
        pytest.param((LOST, LOST), OLDER, (False, False, False), id="all have"),
        pytest.param((WHOLE, WHOLE), OLDER, (True, True, False), id="the newest migration was there"),
    ],
)
def test_server_has_its_tables_when_it_has_those_of_the_others(
    had: tuple[servers.Furniture, servers.Furniture], new: servers.Furniture, has: tuple[bool, bool, bool]
) -> None:
    found = dict(zip((FIRST, SECOND, OTHER), (*had, new), strict=True))

    assert tuple(servers.furnished(found, FORM, like={FIRST, SECOND}).values()) == has


def test_server_that_lost_a_table_lacks_it_although_its_migrations_say_otherwise() -> None:
    lacking = servers.Furniture(WHOLE.names - {"events"}, WHOLE.migrations)

    found = servers.furnished({FIRST: WHOLE, SECOND: lacking}, FORM, like={FIRST, SECOND})

    assert found == {FIRST: True, SECOND: False}


def test_members_are_those_that_the_ensemble_has_committed_to() -> None:
    told = "server.1=a-keeper-0:9234;participant;1\nserver.3=a-keeper-2:9234;participant;1\nversion=0\nobserver.9=x"

    assert servers.members(Told(keeper=[(told,)])) == (0, 2)


FOLLOWS = "zk_server_state\tfollower\n"
LEADS = "zk_server_state\tleader\nzk_followers\t2\nzk_synced_followers\t{}\n"


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that pauses makes no member silent."""
    monkeypatch.setattr(servers, "MEMBER_S", 100.0)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    ("answers", "synced"),
    [
        pytest.param(["zk_server_state\tstandalone\n"], 1, id="alone"),
        pytest.param([FOLLOWS, LEADS.format(2), FOLLOWS], 3, id="all follow"),
        pytest.param([FOLLOWS, LEADS.format(1), FOLLOWS], 0, id="one lags"),
        pytest.param([FOLLOWS, FOLLOWS], 0, id="no leader"),
        pytest.param(["This instance is not currently serving requests", ""], 0, id="no quorum"),
    ],
)
async def test_leader_says_whether_all_members_are_in_sync(answers: list[str], synced: int) -> None:
    async with ensemble(answers) as places:
        assert await servers.synced_members(places) == synced


@pytest.mark.usefixtures("patient")
async def test_member_that_is_away_is_left_out() -> None:
    async with ensemble([LEADS.format(2)]) as places:
        with socket.socket() as taken:  # so that nobody else listens there
            taken.bind(("127.0.0.1", 0))

            assert await servers.synced_members([*places, taken.getsockname()]) == 3


@asynccontextmanager
async def ensemble(answers: list[str]) -> AsyncIterator[list[tuple[str, int]]]:
    """Members that give these answers to the four letters, and where they are."""

    def member(answer: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            assert await reader.readexactly(4) == b"mntr"
            writer.write(answer.encode())
            await writer.drain()
            writer.close()

        return tell

    async with AsyncExitStack() as stack:
        places = []
        for answer in answers:
            server = await stack.enter_async_context(
                await asyncio.start_server(member(answer), "127.0.0.1", 0)
            )
            places.append(("127.0.0.1", server.sockets[0].getsockname()[1]))
        yield places


def spares(node: Node, there: dict[Node, Warehouse], *, leaving: set[Node]) -> bool:
    return servers.is_spare(node, leaving=frozenset(leaving), servers=there, cluster="openpanel")
