"""Settings come from the environment, and wrong ones are refused at the start."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from chronos_clients.objectstore import StoreAddress
from chronos_operator.config import Config


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Config.model_fields:
        monkeypatch.delenv(f"CHRONOS_{name.upper()}", raising=False)


def test_without_any_setting_all_namespaces_are_served() -> None:
    config = Config()
    assert config.watch_namespaces == ()
    assert (config.resync_seconds, config.workers, config.probe_port) == (60.0, 16, 8080)


@pytest.mark.parametrize(
    ("text", "namespaces"),
    [("", ()), ("a", ("a",)), ("a,b", ("a", "b")), (" a , ,b,", ("a", "b"))],
)
def test_namespaces_are_parted_by_commas(
    monkeypatch: pytest.MonkeyPatch, text: str, namespaces: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CHRONOS_WATCH_NAMESPACES", text)
    assert Config().watch_namespaces == namespaces


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RESYNC_SECONDS", "1"),
        ("RESYNC_SECONDS", "often"),
        ("WORKERS", "0"),
        ("PROBE_PORT", "70000"),
        ("LOG_LEVEL", "LOUD"),
        ("S3_PATH_STYLE", "perhaps"),
    ],
)
def test_a_wrong_setting_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"CHRONOS_{name}", value)
    with pytest.raises(ValidationError):
        Config()


def test_the_store_is_where_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHRONOS_S3_ENDPOINT", "http://s3:7070")
    monkeypatch.setenv("CHRONOS_S3_BUCKET", "logs")
    monkeypatch.setenv("CHRONOS_S3_PATH_STYLE", "false")
    assert Config().store_address() == StoreAddress(
        bucket="logs", endpoint="http://s3:7070", region="us-east-1", path_style=False
    )
