"""The front end's own tests and type check, so that they run with all others."""

import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "images" / "dashboard" / "frontend"

pytestmark = pytest.mark.node


@pytest.mark.parametrize("script", ["check", "test"])
def test_script_of_the_front_end_passes(script: str) -> None:
    npm = shutil.which("npm")
    if npm is None or not (FOLDER / "node_modules").is_dir():
        pytest.skip("no Node packages: npm ci in images/dashboard/frontend")

    run = subprocess.run(
        [npm, "run", "--silent", script], cwd=FOLDER, capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stdout + run.stderr
