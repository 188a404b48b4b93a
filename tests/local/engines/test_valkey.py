"""Valkey as a prepared command: what it keeps, who it lets in, how it ends and comes back."""

import os
import signal
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from openpanel_local.engines import process, valkey


def test_acknowledged_writes_survive_kill_9(tmp_path: Path) -> None:
    acknowledged = 0
    for _ in range(2):
        with valkey.running(tmp_path / "v") as engine, redis.Redis.from_url(engine.url) as client:
            for _ in range(50):
                acknowledged = int(client.rpush("list", "x"))
            os.kill(engine.pid, signal.SIGKILL)

    with valkey.running(tmp_path / "v") as engine, redis.Redis.from_url(engine.url) as client:
        assert client.llen("list") == acknowledged == 100


def test_stop_is_orderly_and_data_is_there_again(tmp_path: Path) -> None:
    with valkey.running(tmp_path / "v") as engine, redis.Redis.from_url(engine.url) as client:
        client.set("key", "value")
        url = engine.url

    assert not valkey.ready(url)
    assert "ready to exit" in (tmp_path / "v" / "valkey.log").read_text()
    with valkey.running(tmp_path / "v", port=engine.port) as again, redis.Redis.from_url(url) as client:
        assert again.url == url
        assert client.get("key") == b"value"


def test_password_is_asked_for_and_not_on_the_command_line(valkey_url: str, tmp_path: Path) -> None:
    password = urlsplit(valkey_url).password or ""
    command = valkey.prepare(tmp_path / "v", port=1)

    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(valkey_url.replace(password, "")).ping()
    assert (tmp_path / "v" / "password").read_text().strip() not in " ".join(command.argv)
    assert (tmp_path / "v" / "password").stat().st_mode & 0o077 == 0
    assert (tmp_path / "v" / "valkey.conf").stat().st_mode & 0o077 == 0


def test_settings_that_keep_the_stream_are_in_force(valkey_url: str) -> None:
    with redis.Redis.from_url(valkey_url) as client:
        settings = client.config_get("*")

    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "always"
    assert settings["maxmemory-policy"] == "noeviction"


def test_full_memory_refuses_writes_and_goes_on_reading(tmp_path: Path) -> None:
    with valkey.running(tmp_path / "v", memory_mb=8) as engine, redis.Redis.from_url(engine.url) as client:
        client.set("kept", "x")
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            _fill(client)

        assert client.get("kept") == b"x"


def test_engine_that_does_not_start_says_why(tmp_path: Path, valkey_url: str) -> None:
    taken = urlsplit(valkey_url).port or 0
    command = valkey.prepare(tmp_path / "v", port=taken)

    with (
        pytest.raises(process.EngineFailedError, match="Address already in use"),
        process.running(command, ready=lambda: False),
    ):
        pass


def _fill(client: redis.Redis) -> None:
    for n in range(100):
        client.set(f"big {n}", b"x" * 1_000_000)
