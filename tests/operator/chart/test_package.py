"""The packed chart carries a signature that a stranger can verify, and that nothing else passes for."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import helm_python as helm
import pytest
import yaml

from charts import package

ROOT = Path(__file__).parents[3]
KEY = "Chart Tests <chart@tests.example>"
OTHER = "Somebody Else <else@tests.example>"


@pytest.fixture(scope="module")
def keys() -> Iterator[Path]:
    """A home of GnuPG with two keys, one of them behind a passphrase; the file that unlocks it is in it, too."""
    if shutil.which("gpg") is None:
        pytest.skip("needs gpg: apt-get install gpg gpg-agent")
    home = Path(tempfile.mkdtemp(prefix="gpg-"))  # short: the agent's socket lies in it
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GNUPGHOME", str(home))
        (home / "passphrase").write_text("open sesame\n")
        _make(KEY, "--passphrase", "")
        _make(OTHER, "--passphrase-file", str(home / "passphrase"))
        yield home
        subprocess.run(["gpgconf", "--kill", "all"], check=True, capture_output=True)
    shutil.rmtree(home, ignore_errors=True)


def _make(identity: str, *unlocking: str) -> None:
    subprocess.run(
        ["gpg", "--batch", "--pinentry-mode", "loopback", *unlocking, "--quick-gen-key", identity, "rsa2048"],
        check=True,
        capture_output=True,
        timeout=120,
    )


@pytest.mark.usefixtures("keys")
def test_signed_chart_is_verified_with_the_public_key_beside_it(tmp_path: Path) -> None:
    version = yaml.safe_load((ROOT / "charts/openpanel/Chart.yaml").read_text())["version"]

    made = package.signed(KEY, destination=tmp_path)

    assert sorted(file.name for file in tmp_path.iterdir()) == [
        f"openpanel-{version}.tgz",
        f"openpanel-{version}.tgz.prov",
        "openpanel.pub",
    ]
    verified = helm.verify(made.archive, made.public_key)
    assert verified["signed_by"] == [KEY]
    assert verified["file_hash"] == helm.digest(made.archive)


@pytest.mark.usefixtures("keys")
def test_changed_chart_is_not_verified(tmp_path: Path) -> None:
    made = package.signed(KEY, destination=tmp_path)
    content = bytearray(made.archive.read_bytes())
    content[-1] ^= 1
    made.archive.write_bytes(content)

    with pytest.raises(helm.HelmError, match="sha256 sum does not match"):
        helm.verify(made.archive, made.public_key)


@pytest.mark.usefixtures("keys")
def test_changed_provenance_is_not_verified(tmp_path: Path) -> None:
    made = package.signed(KEY, destination=tmp_path)
    said = made.provenance.read_text()
    made.provenance.write_text(said.replace("name: openpanel", "name: openpanne1"))
    assert made.provenance.read_text() != said

    with pytest.raises(helm.HelmError):
        helm.verify(made.archive, made.public_key)


def test_signature_of_another_key_is_not_verified(tmp_path: Path, keys: Path) -> None:
    ours = package.signed(KEY, destination=tmp_path / "ours")
    theirs = package.signed(OTHER, destination=tmp_path / "theirs", passphrase_file=keys / "passphrase")

    assert helm.verify(theirs.archive, theirs.public_key)["signed_by"] == [OTHER]
    with pytest.raises(helm.HelmError):
        helm.verify(theirs.archive, ours.public_key)


@pytest.mark.usefixtures("keys")
def test_unknown_key_leaves_nothing_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert package.main(["--key", "nobody@tests.example", "--destination", str(tmp_path)]) == 1

    assert "nobody@tests.example" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
