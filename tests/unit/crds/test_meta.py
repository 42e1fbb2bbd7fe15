"""Times as the contract reads and writes them, and the strictness of its models."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from builders import NOON, build_spec, utc, wall
from chronos_crds.meta import ObjectMeta, format_time, parse_time

GOOD = [
    ("in UTC", "2026-03-01T12:00:00Z", NOON),
    ("in small letters", "2026-03-01t12:00:00z", NOON),
    ("with an offset", "2026-03-01T13:00:00+01:00", NOON),
    ("with a negative offset", "2026-03-01T07:00:00-05:00", NOON),
    ("with an odd offset", "2026-03-01T17:45:00+05:45", NOON),
    ("with the offset of nowhere", "2026-03-01T12:00:00-00:00", NOON),
    ("with a tenth", "2026-03-01T12:00:00.5Z", NOON + timedelta(milliseconds=500)),
    ("with micros", "2026-03-01T12:00:00.000001Z", NOON + timedelta(microseconds=1)),
    ("with nanos, cut", "2026-03-01T12:00:00.000001999Z", NOON + timedelta(microseconds=1)),
    ("of a leap day", "2028-02-29T00:00:00Z", utc("2028-02-29")),
]


@pytest.mark.parametrize(
    ("text", "moment"), [row[1:] for row in GOOD], ids=[row[0] for row in GOOD]
)
def test_a_good_time(text: str, moment: datetime) -> None:
    assert parse_time(text) == moment
    assert parse_time(text).tzinfo is UTC


BAD: list[tuple[str, object]] = [
    ("without an offset", "2026-03-01T12:00:00"),
    ("with a space for the T", "2026-03-01 12:00:00Z"),
    ("of a day only", "2026-03-01"),
    ("of a week", "2026-W09-7T12:00:00Z"),
    ("without separators", "20260301T120000Z"),
    ("without seconds", "2026-03-01T12:00Z"),
    ("with a comma", "2026-03-01T12:00:00,5Z"),
    ("with an offset of hours only", "2026-03-01T12:00:00+01"),
    ("with an offset of a day", "2026-03-01T12:00:00+24:00"),
    ("of a day that does not exist", "2026-02-29T12:00:00Z"),
    ("of hour 25", "2026-03-01T25:00:00Z"),
    ("of a leap second", "2026-06-30T23:59:60Z"),
    ("of month 13", "2026-13-01T12:00:00Z"),
    ("of a year of five digits", "12026-03-01T12:00:00Z"),
    ("past the end of the calendar", "9999-12-31T23:59:59-01:00"),
    ("before its beginning", "0001-01-01T00:00:00+01:00"),
    ("with digits of another script", "٢٠٢٦-03-01T12:00:00Z"),
    ("with a line's end", "2026-03-01T12:00:00Z\n"),
    ("in unix seconds", 1772366400),
    ("that is nothing", None),
    ("that is true", True),
    ("of a clock without a zone", wall("2026-03-01 12:00:00")),
]


@pytest.mark.parametrize("value", [row[1] for row in BAD], ids=[row[0] for row in BAD])
def test_a_bad_time(value: object) -> None:
    with pytest.raises(PydanticCustomError, match="RFC 3339"):
        parse_time(value)


def test_an_aware_time_is_taken_as_it_is() -> None:
    berlin = NOON.astimezone(timezone(timedelta(hours=1)))
    assert parse_time(berlin) == NOON
    assert parse_time(berlin).tzinfo is UTC


WRITTEN = [
    (NOON, "2026-03-01T12:00:00Z"),
    (NOON + timedelta(milliseconds=7), "2026-03-01T12:00:00.007Z"),
    (NOON + timedelta(microseconds=999_999), "2026-03-01T12:00:00.999Z"),
    (NOON.astimezone(timezone(timedelta(hours=-3, minutes=-30))), "2026-03-01T12:00:00Z"),
]


@pytest.mark.parametrize(("moment", "text"), WRITTEN)
def test_a_time_is_written_in_utc_and_never_later_than_it_is(moment: datetime, text: str) -> None:
    assert format_time(moment) == text
    assert timedelta() <= moment - parse_time(text) < timedelta(milliseconds=1)


def test_a_model_never_changes() -> None:
    spec = build_spec()
    with pytest.raises(ValidationError, match="frozen"):
        spec.suspend = True  # type: ignore[misc]


def test_a_manifest_leaves_out_what_is_not_set_and_reads_back() -> None:
    spec = build_spec(cron="0 2 * * *", zone="Europe/Berlin", retry={"maxAttempts": 3})
    manifest = spec.to_manifest()
    assert "at" not in manifest["schedule"]
    assert manifest["schedule"]["timeZone"] == "Europe/Berlin"
    assert type(spec).model_validate(manifest) == spec


def test_unknown_metadata_is_passed_over() -> None:
    meta = ObjectMeta.model_validate(
        {"name": "x", "managedFields": [{}], "creationTimestamp": "2026-03-01T12:00:00Z"}
    )
    assert meta.created_at == NOON
    assert meta.deleted_at is None
