"""KEDA's own processes beside the API server of the tests: its operator, and the adapter that answers for the metrics.

Both are built by `make keda`. No kubelet is there: the processes run here, and reach everything by loopback.
"""

import contextlib
import datetime as dt
import signal
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from openpanel_local.engines import Command, free_port
from openpanel_local.engines.process import running
from tests.operator.control_plane import ApiServer
from tests.operator.reconcile.waiting import until_true

OPERATOR = "keda-operator"
ADAPTER = "keda-adapter"
HOST = "localhost"  # both sides prove with one certificate that they are this
GIVEN_UP = "error getting state of scaledObject"
PATIENCE_S = 150.0
METRICS = "/apis/external.metrics.k8s.io/v1beta1"


@dataclass(frozen=True, slots=True)
class Keda:
    """A running KEDA, as far as one asks it for metrics: all else goes through the API server."""

    adapter: str
    token: str
    log: Path

    def value(self, metric: str, *, namespace: str, scaled: str) -> str:
        """What a HorizontalPodAutoscaler would be told of a metric of a ScaledObject, as a quantity."""
        answer = self.asked(metric, namespace=namespace, scaled=scaled)
        (item,) = answer.raise_for_status().json()["items"]
        return str(item["value"])

    async def has_failed(self, *, times: int, namespace: str) -> None:
        """Wait until it has given up looking at the ScaledObject of a namespace so often."""

        async def so() -> bool:
            lines = self.log.read_text("utf-8", "replace").splitlines()
            failed = [line for line in lines if GIVEN_UP in line and f'"{namespace}"' in line]
            return len(failed) >= times

        await until_true(so, within_s=PATIENCE_S)

    def asked(self, metric: str, *, namespace: str, scaled: str) -> httpx.Response:
        """The adapter's answer, whichever it is."""
        return httpx.get(
            f"{self.adapter}{METRICS}/namespaces/{namespace}/{metric}",
            params={"labelSelector": f"scaledobject.keda.sh/name={scaled}"},
            headers={"Authorization": f"Bearer {self.token}"},
            verify=_anybody(),
            timeout=30,
        )


@contextlib.contextmanager
def keda_running(folder: Path, *, programs: Path, server: ApiServer) -> Iterator[Keda]:
    """KEDA for all namespaces of the API server, until the end of the block."""
    certificates = folder / "certificates"
    certificates.mkdir()
    _certify(certificates)
    health, metrics, adapter = free_port(), free_port(), free_port()
    keda = Keda(f"https://127.0.0.1:{adapter}", server.token, folder / f"{OPERATOR}.log")
    operator = _command(folder, server, [str(programs / OPERATOR), *_operator(certificates, health, metrics)])
    answering = _command(
        folder, server, [str(programs / ADAPTER), *_adapter(certificates, server, metrics, adapter)]
    )
    with running(operator, ready=lambda: _is_up(f"http://127.0.0.1:{health}/readyz")), running(
        answering, ready=lambda: _is_up(f"{keda.adapter}/readyz")
    ):  # fmt: skip
        yield keda


def _operator(certificates: Path, health: int, metrics: int) -> list[str]:
    return [
        "--leader-elect=false",
        "--metrics-bind-address=0",
        f"--health-probe-bind-address=127.0.0.1:{health}",
        f"--metrics-service-bind-address=127.0.0.1:{metrics}",
        f"--cert-dir={certificates}",
        "--zap-log-level=debug",
    ]


def _adapter(certificates: Path, server: ApiServer, metrics: int, port: int) -> list[str]:
    kubeconfigs = [
        f"--{name}-kubeconfig={server.kubeconfig}" for name in ("authentication", "authorization", "lister")
    ]
    return [
        *kubeconfigs,
        f"--kubeconfig={server.kubeconfig}",
        f"--metrics-service-address={HOST}:{metrics}",
        f"--cert-dir={certificates}",
        f"--tls-cert-file={certificates / 'tls.crt'}",
        f"--tls-private-key-file={certificates / 'tls.key'}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        "--port=0",
    ]


def _command(folder: Path, server: ApiServer, argv: list[str]) -> Command:
    name = Path(argv[0]).name
    told = {
        "KUBECONFIG": str(server.kubeconfig),
        "WATCH_NAMESPACE": "",
        "KEDA_CLUSTER_OBJECT_NAMESPACE": "default",
    }
    log = folder / f"{name}.log"
    return Command(name, tuple(argv), cwd=folder, log=log, stop_signal=signal.SIGTERM, env=told)


def _is_up(url: str) -> bool:
    try:
        return httpx.get(url, verify=_anybody()).is_success
    except httpx.TransportError:
        return False


def _anybody() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _certify(folder: Path) -> None:
    """One certificate that vouches for itself: KEDA's processes prove to each other who they are."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(uses, critical=False)
        .sign(key, hashes.SHA256())
    )
    text = certificate.public_bytes(serialization.Encoding.PEM)
    for file in ("ca.crt", "tls.crt"):
        (folder / file).write_bytes(text)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "tls.key").write_bytes(key.private_bytes(*form))
