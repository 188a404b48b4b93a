"""Every question over a cluster of two shards, each with rows of its own, gives what single tables give."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORLDS = os.environ.get("OPENPANEL_TWIN_WORLDS", "")
TRIED_WITHIN_S = 500 + int(WORLDS or 0)


@pytest.mark.timeout(TRIED_WITHIN_S + 60)
def test_questions_over_two_shards(tmp_path: Path) -> None:
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("needs chdb: pip install 'openpanel[local]'")

    trial = subprocess.run(
        [sys.executable, "-m", "tests.warehouse.two_shards", str(tmp_path)],
        cwd=ROOT,
        env={"TZ": "UTC", "PATH": "", "OPENPANEL_TWIN_WORLDS": WORLDS},
        capture_output=True,
        text=True,
        timeout=TRIED_WITHIN_S,
        check=False,
    )

    assert trial.returncode == 0, trial.stderr[-5_000:]
