"""The README's walk-through, block by block in one shell, as a newcomer types it."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.whole.installation import Platform

ROOT = Path(__file__).parents[2]
MARK = "=== end of block ==="
PATIENCE_S = 120.0

pytestmark = pytest.mark.timeout(600)


class Shell:
    """One bash in which the blocks run one after the other, so that exported variables stay."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            cwd=ROOT,
        )

    def run(self, block: str) -> tuple[int, str]:
        """Exit code of the block's last command and everything that was printed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{block}\necho; echo '{MARK}' $?\n")
        self._process.stdin.flush()
        printed: list[str] = []
        for line in self._process.stdout:
            if line.startswith(MARK):
                return int(line.removeprefix(MARK)), "".join(printed)
            printed.append(line)
        raise AssertionError(f"the shell ended: {''.join(printed)}")

    def close(self) -> None:
        self._process.communicate("exit\n", timeout=PATIENCE_S)


@pytest.fixture
def shell(platform: Platform) -> Iterator[Shell]:
    opened = Shell(
        {
            **os.environ,
            "OPENPANEL_DATA": str(platform.data),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "NO_COLOR": "1",
        }
    )
    yield opened
    opened.close()


def test_walk_through_works_word_for_word(shell: Shell) -> None:
    started, *blocks = _blocks(ROOT / "README.md")
    assert "make up" in started
    printed = {}
    for block in blocks:
        code, printed[block] = _run_until_shown(shell, block)
        assert code == 0, f"{block}\n{printed[block]}"

    answer = _printed_by(printed, "/track")
    assert '"deviceId"' in answer
    assert '"sessionId"' in answer
    assert '"plan":"pro"' in _printed_by(printed, "/export/events").replace(" ", "")
    assert "shop" in _printed_by(printed, "openpanel get projects")


def _run_until_shown(shell: Shell, block: str) -> tuple[int, str]:
    """Reading back is repeated for the two seconds that a person needs to type it, or as long as the machine does."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        code, printed = shell.run(block)
        if "/export/events" not in block or "signed_up" in printed or time.monotonic() > deadline:
            return code, printed


def _printed_by(printed: dict[str, str], part: str) -> str:
    return next(text for block, text in printed.items() if part in block)


def _blocks(document: Path) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", document.read_text(), flags=re.MULTILINE | re.DOTALL)
