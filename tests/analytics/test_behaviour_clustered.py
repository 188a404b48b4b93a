"""Questions about behaviour over a cluster of one shard give what single tables give."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_questions_over_distributed_tables(tmp_path: Path) -> None:
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("needs chdb: pip install 'openpanel[local]'")

    trial = subprocess.run(
        [sys.executable, "-m", "tests.analytics.behaviour_trial", str(tmp_path)],
        cwd=ROOT,
        env={"TZ": "UTC", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert trial.returncode == 0, trial.stderr[-5_000:]
