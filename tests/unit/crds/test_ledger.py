"""The ledger's words, and where its parts lie in the object store."""

from __future__ import annotations

from datetime import datetime, timedelta

import orjson
import pytest
from pydantic import ValidationError

from builders import NOON
from chronos_crds.ledger import Fate, LedgerLine, LedgerSegment
from chronos_crds.naming import (
    backfill_key,
    ledger_key,
    ledger_prefix,
    ledger_span,
    ledger_start_key,
)

SECOND = timedelta(seconds=1)
WHERE = {"prefix": "p/", "tenant": "default", "job_uid": "u-1"}


def at(seconds: int) -> datetime:
    return NOON + seconds * SECOND


def key(since: int, until: int) -> str:
    return ledger_key(**WHERE, since=at(since), until=at(until))


def test_a_line_of_one_second_is_short() -> None:
    line = LedgerLine(time=NOON, fate=Fate.STARTED, lateness_ms=12)
    assert line.to_manifest() == {
        "time": "2026-03-01T12:00:00Z",
        "count": 1,
        "fate": "Started",
        "latenessMs": 12,
    }
    assert line.last == NOON


def test_a_line_of_several_seconds_ends_with_the_last() -> None:
    line = LedgerLine(time=NOON, until=at(9), count=10, fate=Fate.SUSPENDED, reason="Paused")
    assert line.last == at(9)
    assert LedgerLine.model_validate(line.to_manifest()) == line


def test_a_segment_reads_back_from_the_store() -> None:
    lines = tuple(LedgerLine(time=at(n), fate=Fate.STARTED) for n in range(3))
    segment = LedgerSegment(
        job="hello", uid="u-1", tenant="default", since=at(-1), until=at(2), lines=lines
    )
    data = orjson.loads(orjson.dumps(segment.to_manifest()))
    assert (data["from"], data["until"]) == ("2026-03-01T11:59:59Z", "2026-03-01T12:00:02Z")
    assert LedgerSegment.model_validate(data) == segment


@pytest.mark.parametrize(
    "wrong",
    [
        {"fate": "Perhaps"},
        {"count": 0},
        {"latenessMs": -1},
        {"time": "noon"},
        {"reason": "x" * 64},
        {"name": "x" * 254},
    ],
    ids=str,
)
def test_what_is_no_line_is_refused(wrong: dict[str, object]) -> None:
    good = {"time": "2026-03-01T12:00:00Z", "fate": "Started"}
    assert LedgerLine.model_validate(good).count == 1
    with pytest.raises(ValidationError):
        LedgerLine.model_validate({**good, **wrong})


def test_a_segments_key_tells_what_it_covers() -> None:
    assert key(-60, 0) == "p/ledger/default/u-1/001772366400-001772366340.json"
    assert ledger_span(key(-60, 0)) == (at(-60), NOON)


def test_segments_sort_by_their_end() -> None:
    keys = [key(0, 9), key(9, 99), key(99, 100), key(100, 1000)]
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("after", "found"),
    [(-1, [9, 99, 1000]), (8, [9, 99, 1000]), (9, [99, 1000]), (98, [99, 1000]), (1000, [])],
)
def test_a_listing_begins_with_the_first_segment_that_reaches_beyond(
    after: int, found: list[int]
) -> None:
    keys = {key(0, 9): 9, key(9, 99): 99, key(99, 1000): 1000}
    start = ledger_start_key(**WHERE, after=at(after))
    assert [until for name, until in sorted(keys.items()) if name > start] == found


def test_jobs_and_tenants_are_kept_apart() -> None:
    folders = {
        ledger_prefix(prefix=prefix, tenant=tenant, job_uid=uid)
        for prefix in ("", "p/")
        for tenant in ("a", "b")
        for uid in ("u-1", "u-2")
    }
    assert len(folders) == 8
    assert not any(one != other and one.startswith(other) for one in folders for other in folders)


def test_the_line_of_a_backfilled_second_is_no_segment() -> None:
    backfilled = backfill_key(**WHERE, second=at(-500))
    assert backfilled == "p/ledger/default/u-1/backfilled/001772365900.json"
    assert ledger_span(backfilled) is None


@pytest.mark.parametrize(
    "name",
    ["readme.txt", "001772366400.json", "1772366400-1772366340.json",
     "001772366400-001772366340.json.bak", "001772366400-00177236634x.json"],
)  # fmt: skip
def test_somebody_elses_file_is_no_segment(name: str) -> None:
    assert ledger_span(ledger_prefix(**WHERE) + name) is None
