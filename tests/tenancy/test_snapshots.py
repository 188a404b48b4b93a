"""Snapshots: what goes to a place and comes back, what refuses, and that nobody reads the place's credentials."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from openpanel.metadata import migrate
from openpanel.tenancy import S3, SnapshotRefused, snapshot_errors, snapshots
from openpanel.tenancy import snapshot_statements as statements
from openpanel.tenancy.snapshot_places import folder, manifests
from openpanel.warehouse import Refused, Unavailable, Warehouse, tables
from openpanel.warehouse.schema import Table
from tests.tenancy import s3
from tests.tenancy.snapshot_trial import TRIALS

ROOT = Path(__file__).parents[2]
TRIED = (*TRIALS, "nothing_is_logged_of_credentials")
TRIED_WITHIN_S = 600
PLACE = S3("https://s3.example.com/bucket/o-folder", "AKIAKEY", "it's a \\ secret")

pytestmark = pytest.mark.timeout(s3.BUILD_WITHIN_S + TRIED_WITHIN_S + 60)  # the first waits for all of it


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3.Server]:
    if shutil.which("go") is None:
        pytest.skip("needs Go to build an S3-compatible server: https://go.dev")
    own = tmp_path_factory.mktemp("s3")
    with s3.serving(s3.built(own), own) as server:
        yield server


@pytest.fixture(scope="module")
def outcomes(
    s3_server: s3.Server, postgres_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """How each trial failed, or nothing."""
    postgres_url = postgres_database()
    migrate(postgres_url)
    own = tmp_path_factory.mktemp("snapshots")
    arguments = (str(own), postgres_url, s3_server.bucket("snapshots"), s3_server.key, s3_server.secret)
    done = subprocess.run(
        [sys.executable, "-m", "tests.tenancy.snapshot_trial", *arguments],
        cwd=ROOT,
        env={"TZ": "UTC", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=TRIED_WITHIN_S,
        check=False,
    )
    shutil.rmtree(own, ignore_errors=True)
    assert done.returncode == 0, done.stderr[-5_000:]
    outcomes: dict[str, str] = json.loads(done.stdout)
    return outcomes


@pytest.mark.parametrize("name", TRIED)
def test_on_an_engine_that_calls_s3(outcomes: dict[str, str], name: str) -> None:
    assert outcomes[name] == ""


def test_an_engine_that_calls_nobody_says_so(warehouse: Warehouse) -> None:
    with pytest.raises(SnapshotRefused, match="may not use S3") as caught:
        snapshots.check(warehouse=warehouse, place=PLACE)

    assert caught.value.reason == "NotAllowed"
    assert PLACE.secret not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("s3://bucket/folder", "no address of http"),
        ("bucket/folder", "no address of http"),
        ("https://", "no address of http"),
        ("https://user:word@s3.example.com/bucket", "credentials"),
        ("https://s3.example.com/bucket?X-Amz-Signature=1", "characters|query"),
        ("https://s3.example.com/bucket/*", "characters"),
        ("https://s3.example.com/a bucket", "characters"),
        ("https://s3.example.com/buc'ket", "characters"),
        ("http://minio:9000", "names no bucket"),
    ],
)
def test_an_address_that_cannot_be_a_place_is_refused(url: str, why: str) -> None:
    with pytest.raises(SnapshotRefused, match=why) as caught:
        S3(url, "key", "secret")

    assert caught.value.reason == "BadPlace"


@pytest.mark.parametrize("pair", [("key", ""), ("", "secret")])
def test_half_of_the_credentials_is_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(SnapshotRefused, match="without a"):
        S3(PLACE.url, *pair)


@pytest.mark.parametrize("url", ["https://bucket.s3.eu-west-1.amazonaws.com", "http://minio:9000/bucket/"])
def test_bucket_stands_in_the_host_or_in_the_path(url: str) -> None:
    place = S3(url, "key", "secret")

    assert folder(place, project="shop", name="one") == f"{url.rstrip('/')}/shop/one"
    assert manifests(place, project="shop") == f"{url.rstrip('/')}/shop/*/manifest.json"


@pytest.mark.parametrize("name", ["", "..", "../other", "a/b", "*", "-x", "é"])
def test_names_stay_within_the_place(name: str) -> None:
    with pytest.raises(SnapshotRefused):
        folder(PLACE, project="shop", name=name)


def test_a_place_shows_no_credentials() -> None:
    assert PLACE.key not in repr(PLACE)
    assert PLACE.secret not in repr(PLACE)


@pytest.mark.parametrize("table", statements.TABLES, ids=lambda table: table.name)
def test_engine_reads_every_statement(warehouse: Warehouse, table: Table) -> None:
    columns = [(column.name, column.type) for column in table.written]
    url = f"{PLACE.url}/shop/one/{statements.file_of(table)}"
    format_name = statements.format_of(table)
    texts = (
        statements.count(table),
        statements.copy(table, place=PLACE, url=url),
        statements.count_of_file(PLACE, url, format_name=format_name, columns=columns),
        statements.put_back(table, place=PLACE, url=url, format_name=format_name, columns=columns),
    )
    for text in texts:
        [(read,)] = warehouse.query("SELECT formatQuery({sql:String})", parameters={"sql": text})
        assert read


def test_every_table_with_rows_of_projects_is_kept() -> None:
    assert {table.name for table in tables.ALL} - {table.name for table in statements.TABLES} == {"retention"}


def test_without_a_key_the_servers_use_their_own() -> None:
    text = statements.read(S3(PLACE.url), "https://s3.example.com/bucket/x")

    assert "s3('https://s3.example.com/bucket/x', 'RawBLOB', " in text


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("Message: The AWS Access Key Id you provided does not exist in our records.", "WrongCredentials"),
        ("Message: The request signature we calculated does not match", "WrongCredentials"),
        ("Message: The specified bucket does not exist", "NoSuchBucket"),
        ("Message: Bucket quota exceeded", "NoSpace"),
        ("Message: Access Denied.", "AccessDenied"),
        ("HTTP response code: 403. Please check your AWS credentials and permissions", "AccessDenied"),
        ("Poco::Exception. Code: 1000, e.code() = 111, Connection refused", "Unreachable"),
        ("Message: Timeout", "Unreachable"),
        ("SSL Exception: certificate verify failed", "Unreachable"),
        ("Message: We encountered an internal error.", "Failed"),
    ],
)
def test_words_of_a_store_become_a_reason(said: str, reason: str) -> None:
    fault = Unavailable(f"code 499: {said}", code=499)

    error = snapshot_errors.of_place(fault, place=PLACE.url, secrets=PLACE.secrets)

    assert error is not None
    assert error.reason == reason
    assert PLACE.url in str(error)


@pytest.mark.parametrize("fault", [Refused(60, "no table"), Unavailable("gone", code=241)])
def test_what_is_not_about_the_place_stays_what_it_is(fault: Refused | Unavailable) -> None:
    assert snapshot_errors.of_place(fault, place=PLACE.url, secrets=PLACE.secrets) is None


def test_errors_that_pass_on_are_without_credentials() -> None:
    def failing() -> None:
        raise Refused(62, f"Syntax error at s3('{PLACE.url}', '{PLACE.key}', '{PLACE.secret}')")

    with pytest.raises(Refused, match="HIDDEN") as caught:
        snapshots.asked(failing, place=PLACE)

    assert PLACE.secret not in str(caught.value)
    assert PLACE.key not in str(caught.value)
    assert caught.value.__context__ is None
