"""The chart as people install it, packed and signed: `python charts/package.py --key IDENTITY`.

Writes `openpanel-<version>.tgz`, its provenance `.tgz.prov`, and `openpanel.pub`, the public half of the key, with
which anybody verifies the other two: `helm verify openpanel-<version>.tgz --keyring openpanel.pub`. Helm's own code
packs, signs and verifies; the key comes out of GnuPG for as long as that takes, into a folder that only this user
reads. Nothing is left in the destination that does not verify.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import helm_python as helm

ROOT: Final = Path(__file__).parents[1]
CHART: Final = ROOT / "charts/openpanel"
PUBLIC_KEY: Final = "openpanel.pub"


class NotSigned(Exception):
    """There is no signed chart, and why."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What belongs together and is published together."""

    archive: Path
    provenance: Path
    public_key: Path


def signed(key: str, *, destination: Path, passphrase_file: Path | None = None) -> Signed:
    """Pack the chart, sign it with the key of that identity, and verify both as a stranger would."""
    with tempfile.TemporaryDirectory(prefix="openpanel-chart-") as temporary:
        folder = Path(temporary)
        secret_ring, public_ring = folder / "secret.gpg", folder / PUBLIC_KEY
        public_ring.write_bytes(_exported(key, "--export"))
        secret_ring.touch(mode=0o600)
        secret_ring.write_bytes(_exported(key, "--export-secret-keys", passphrase_file=passphrase_file))
        try:
            archive = Path(helm.package(CHART, destination=folder))
            provenance = Path(
                helm.sign(archive, key=key, keyring=secret_ring, passphrase_file=passphrase_file)
            )
            helm.verify(archive, public_ring)
        except helm.HelmError as error:
            raise NotSigned(f"Helm does not sign with {key}: {error}") from error
        destination.mkdir(parents=True, exist_ok=True)
        moved = [
            Path(shutil.move(file, destination / file.name)) for file in (archive, provenance, public_ring)
        ]
        return Signed(*moved)


def main(arguments: Sequence[str] | None = None) -> int:
    """What the command line says; the exit code."""
    parser = argparse.ArgumentParser(description="Pack the chart and sign it with a key of GnuPG.")
    parser.add_argument("--key", required=True, help="whose key signs: an identity that gpg knows")
    parser.add_argument("--passphrase-file", type=Path, help="file whose first line unlocks the key")
    parser.add_argument("--destination", type=Path, default=ROOT / "dist", help="folder for the three files")
    chosen = parser.parse_args(arguments)
    try:
        made = signed(chosen.key, destination=chosen.destination, passphrase_file=chosen.passphrase_file)
    except NotSigned as fault:
        sys.stderr.write(f"error: {fault}\n")
        return 1
    for file in (made.archive, made.provenance, made.public_key):
        sys.stdout.write(f"{file}\n")
    return 0


def _exported(key: str, option: str, *, passphrase_file: Path | None = None) -> bytes:
    unlocking = (
        ()
        if passphrase_file is None
        else ("--pinentry-mode", "loopback", "--passphrase-file", str(passphrase_file))
    )
    try:
        done = subprocess.run(
            ["gpg", "--batch", "--yes", *unlocking, option, key], capture_output=True, check=False
        )
    except FileNotFoundError as error:
        raise NotSigned("gpg is not installed; it keeps the key that signs") from error
    if done.returncode != 0 or not done.stdout:
        said = done.stderr.decode(errors="replace").strip() or "no such key"
        raise NotSigned(f"gpg gives no key of {key}: {said}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
