"""The spool on disk: order, torn tails, dead owners, limits."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from openpanel.stream.errors import SpoolFull
from openpanel.stream.spool import UNSEEN_BYTES, Spool


def opened(folder: Path, *, pool: str = "shared", limit_bytes: int = 1_000_000) -> Spool:
    spool = Spool(folder, pool=pool, limit_bytes=limit_bytes)
    spool.open()
    return spool


def all_of(spool: Spool) -> list[bytes]:
    records: list[bytes] = []
    while not spool.empty:
        some = spool.read(limit_bytes=100)
        records += some
        spool.advance(len(some))
    return records


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.spool"))


def bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def fill(spool: Spool, record: bytes) -> None:
    with contextlib.suppress(SpoolFull):
        while True:
            spool.append(record)


def test_records_come_back_in_order(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for number in range(50):
        spool.append(b"record %d" % number)

    assert all_of(spool) == [b"record %d" % number for number in range(50)]
    assert spool.size_bytes == 0
    spool.close()


def test_reading_again_gives_what_was_not_advanced_over(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for number in range(4):
        spool.append(b"%d" % number)

    first = spool.read(limit_bytes=100)
    spool.advance(1)
    spool.append(b"4")

    assert first == [b"0", b"1", b"2", b"3"]
    assert spool.read(limit_bytes=100) == [b"1", b"2", b"3", b"4"]
    spool.close()


def test_read_stops_at_its_limit_after_one_record(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.append(b"x" * 500)
    spool.append(b"y")

    assert [len(record) for record in spool.read(limit_bytes=10)] == [500]
    spool.close()


def test_empty_spool_leaves_no_file(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.append(b"a")
    all_of(spool)

    spool.close()

    assert list(tmp_path.iterdir()) == []


def test_limit_is_never_passed(tmp_path: Path) -> None:
    spool = opened(tmp_path, limit_bytes=100)
    spool.append(b"x" * 80)
    with pytest.raises(SpoolFull):
        spool.append(b"y" * 80)

    assert all_of(spool) == [b"x" * 80]
    spool.append(b"z" * 80)
    spool.close()


def test_spools_of_all_pools_share_the_limit_of_their_folder(tmp_path: Path) -> None:
    spools = [opened(tmp_path, pool=pool, limit_bytes=1_000) for pool in ("shared", "shop_1", "news_1")]
    for spool in spools:
        spool.append(b"x" * 100)
    for spool in spools:
        fill(spool, b"y" * 100)

    assert 900 < bytes_in(tmp_path) <= 1_000
    for spool in spools:
        spool.close()


def test_what_one_pool_has_brought_in_makes_room_for_another(tmp_path: Path) -> None:
    shared, shop = (opened(tmp_path, pool=pool, limit_bytes=1_000) for pool in ("shared", "shop_1"))
    fill(shared, b"x" * 100)
    with pytest.raises(SpoolFull):
        shop.append(b"y" * 100)
    all_of(shared)

    shop.append(b"y" * 100)

    assert all_of(shop) == [b"y" * 100]
    shared.close()
    shop.close()


@pytest.mark.parametrize("name", ["shared.refused", "shared.0a.damaged", "shop_1.0b.spool"])
def test_what_lay_in_the_folder_before_counts(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x" * 900)
    spool = opened(tmp_path, limit_bytes=1_000)

    with pytest.raises(SpoolFull):
        spool.append(b"y" * 100)
    spool.close()


def test_what_is_set_aside_counts(tmp_path: Path) -> None:
    spool = opened(tmp_path, limit_bytes=1_000)
    spool.append(b"x" * 100)
    spool.set_aside(b"y" * 800)

    with pytest.raises(SpoolFull):
        spool.append(b"z" * 100)
    spool.close()


def test_processes_of_one_folder_pass_its_limit_by_no_more_than_they_do_not_see(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from openpanel.stream.errors import SpoolFull
from openpanel.stream.spool import Spool
spool = Spool(Path(sys.argv[1]), pool="shared", limit_bytes=int(sys.argv[2]))
spool.open()
print("opened", flush=True)
sys.stdin.readline()
try:
    while True:
        spool.append(bytes(500_000))
except SpoolFull:
    spool.close()
"""
    limit = 2 * UNSEEN_BYTES
    command = [sys.executable, "-c", program, str(tmp_path), str(limit)]
    fillers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for filler in fillers:
        assert filler.stdout is not None
        assert filler.stdout.readline() == "opened\n"
    for filler in fillers:
        filler.communicate("go\n")

    assert [filler.returncode for filler in fillers] == [0, 0]
    assert limit - 500_008 < bytes_in(tmp_path) <= limit + UNSEEN_BYTES


def test_what_a_closed_spool_kept_is_adopted(tmp_path: Path) -> None:
    before = opened(tmp_path)
    before.append(b"old")
    before.close()

    after = opened(tmp_path)
    after.append(b"new")

    assert all_of(after) == [b"old", b"new"]
    after.close()
    assert files(tmp_path) == []


def test_spool_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    living = opened(tmp_path)
    living.append(b"mine")

    other = opened(tmp_path)

    assert other.empty
    assert all_of(living) == [b"mine"]
    living.close()
    other.close()


def test_spool_of_another_pool_is_left_alone(tmp_path: Path) -> None:
    other = opened(tmp_path, pool="dedicated")
    other.append(b"theirs")
    other.close()

    spool = opened(tmp_path)

    assert spool.empty
    spool.close()
    assert len(files(tmp_path)) == 1


def test_only_one_process_adopts(tmp_path: Path) -> None:
    dead = opened(tmp_path)
    dead.append(b"left")
    dead.close()

    heirs = [opened(tmp_path) for _ in range(3)]

    assert sorted(all_of(heir) for heir in heirs) == [[], [], [b"left"]]
    for heir in heirs:
        heir.close()


@pytest.mark.parametrize("kept", range(1, 29), ids=lambda kept: f"{kept} bytes of it")
def test_torn_tail_is_cut(tmp_path: Path, kept: int) -> None:
    whole = opened(tmp_path)
    whole.append(b"first")
    before = whole.size_bytes
    whole.append(b"the second record, 21")
    whole.close()
    (path,) = files(tmp_path)
    os.truncate(path, before + kept)

    heir = opened(tmp_path)

    assert all_of(heir) == [b"first"]
    heir.close()


def test_damaged_record_is_kept_aside_and_never_read(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.append(b"good")
    spool.append(b"spoiled")
    spool.close()
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes()[:-1] + b"!")

    heir = opened(tmp_path)

    assert all_of(heir) == [b"good"]
    heir.close()
    (damaged,) = tmp_path.glob("*.damaged")
    assert damaged.read_bytes().endswith(b"spoile!")


def test_record_spoiled_while_the_process_lives_does_not_block_the_next(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.append(b"good")
    spool.append(b"spoiled")
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes()[:-1] + b"!")

    read = all_of(spool)
    spool.append(b"after")

    assert read == [b"good"]
    assert all_of(spool) == [b"after"]
    spool.close()


def test_all_that_is_spoiled_is_kept_aside_and_nothing_else(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    (path,) = files(tmp_path)
    for record in (b"first, spoiled", b"second, spoiled"):
        spool.append(b"good")
        spool.append(record)
        path.write_bytes(path.read_bytes()[:-1] + b"!")
        all_of(spool)
    spool.close()

    (damaged,) = tmp_path.glob("*.damaged")
    kept = damaged.read_bytes()
    assert b"first, spoile!" in kept
    assert b"second, spoile!" in kept
    assert b"good" not in kept


def test_zeros_after_a_power_cut_are_no_records(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.append(b"good")
    spool.close()
    (path,) = files(tmp_path)
    with path.open("ab") as file:
        file.write(bytes(64))

    heir = opened(tmp_path)

    assert all_of(heir) == [b"good"]
    heir.close()


def test_file_with_nothing_whole_in_it_is_removed(tmp_path: Path) -> None:
    (tmp_path / "shared.dead.spool").write_bytes(b"\0\0\0")

    spool = opened(tmp_path)

    assert spool.empty
    spool.close()
    assert files(tmp_path) == []


def test_refused_record_is_set_aside(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.set_aside(b"poison")
    spool.close()

    assert b"poison" in (tmp_path / "shared.refused").read_bytes()


def test_killed_process_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from openpanel.stream.spool import Spool
spool = Spool(Path(sys.argv[1]), pool="shared")
spool.open()
number = 0
while True:
    spool.append(b"%d" % number)
    print(number, flush=True)
    number += 1
"""
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    acknowledged = [int(process.stdout.readline()) for _ in range(200)]
    process.kill()
    acknowledged += [int(line) for line in process.stdout.read().splitlines() if line]
    process.wait()
    process.stdout.close()

    heir = opened(tmp_path)
    kept = [int(record) for record in all_of(heir)]
    heir.close()

    assert kept[: len(acknowledged)] == acknowledged
    assert len(kept) <= len(acknowledged) + 1
