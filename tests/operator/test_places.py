"""What the operator learns of a place for snapshots by trying it: a real S3-compatible server, and the real engine."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tenancy import s3

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(1_200)  # seconds; whichever test comes first waits for the server's program


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the trial of each place says."""
    if shutil.which("go") is None:
        pytest.skip("needs Go to build an S3-compatible server: https://go.dev")
    own = tmp_path_factory.mktemp("places")
    with s3.serving(s3.built(own), own) as server:
        done = subprocess.run(
            [sys.executable, "-m", "tests.operator.place_trial", own, server.url, server.key, server.secret],
            cwd=ROOT,
            env={"TZ": "UTC", "PATH": ""},
            capture_output=True,
            text=True,
            timeout=800,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-5_000:]
    assert server.secret not in done.stdout + done.stderr
    outcomes: dict[str, str] = json.loads(done.stdout)
    return outcomes


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("right", ""),
        ("another secret", "WrongCredentials"),
        ("no bucket", "NoSuchBucket"),
        ("no right", "AccessDenied"),
        ("no room", "NoSpace"),
        ("nobody", "Unreachable"),
    ],
)
def test_trial_tells_what_a_copy_would_fail_with(said: dict[str, str], place: str, reason: str) -> None:
    assert said[place].partition(":")[0] == reason
