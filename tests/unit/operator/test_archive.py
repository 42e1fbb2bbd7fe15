"""The archive of the ledgers: whatever is cut off and repeated, each second lies there once."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import orjson
import pytest

from builders import JOB, JOB_UID, NAMESPACE, NOON
from chronos_clients.errors import Denied, Unreachable
from chronos_clients.testing import FakeObjectStore
from chronos_crds.ledger import Fate, LedgerLine, LedgerSegment
from chronos_crds.meta import ObjectMeta
from chronos_crds.naming import ledger_prefix, ledger_span
from chronos_operator.decide.ledger import build_line
from chronos_operator.effects.archive import FULL_SEGMENT, LedgerArchive

SECOND = timedelta(seconds=1)
META = ObjectMeta(name=JOB, namespace=NAMESPACE, uid=JOB_UID)
FOLDER = ledger_prefix(prefix="p/", tenant=NAMESPACE, job_uid=JOB_UID)


def at(seconds: float) -> datetime:
    return NOON + seconds * SECOND


def lines(first: int, last: int) -> list[LedgerLine]:
    """A start at each second from the first to the last."""
    return [build_line(at(n), Fate.STARTED, lateness=timedelta()) for n in range(first, last + 1)]


def archive_on(store: FakeObjectStore) -> LedgerArchive:
    """What a process that has just begun has: no memory."""
    return LedgerArchive(store, "p/")


def segments(store: FakeObjectStore) -> list[LedgerSegment]:
    """The segments as they lie in the store, oldest first, each as its key says."""
    found = []
    for key in sorted(store.objects):
        span = ledger_span(key)
        if not key.startswith(FOLDER) or span is None or store.objects[key] == b"not ours":
            continue
        segment = LedgerSegment.model_validate(orjson.loads(store.objects[key]))
        assert (segment.since, segment.until) == span
        assert (segment.job, segment.uid, segment.tenant) == (JOB, JOB_UID, NAMESPACE)
        found.append(segment)
    return found


def told(store: FakeObjectStore) -> list[int]:
    """The seconds that the archive tells, each line of all segments, in order."""
    parts = segments(store)
    assert all(one.until <= other.since for one, other in pairwise(parts)), "segments overlap"
    return [(line.time - NOON) // SECOND for part in parts for line in part.lines]


@pytest.fixture
def store() -> FakeObjectStore:
    return FakeObjectStore()


async def test_the_first_lines_make_a_segment(store: FakeObjectStore) -> None:
    archive = archive_on(store)
    assert archive.archived_until(JOB_UID) is None
    await archive.add(META, at(-1), lines(0, 9))
    assert list(store.objects) == [f"{FOLDER}001772366409-001772366399.json"]
    assert archive.archived_until(JOB_UID) == at(9)
    assert told(store) == list(range(10))


async def test_a_segment_grows_and_is_one(store: FakeObjectStore) -> None:
    archive = archive_on(store)
    await archive.add(META, at(-1), lines(0, 9))
    await archive.add(META, at(9), lines(10, 19))
    (segment,) = segments(store)
    assert (segment.since, segment.until) == (at(-1), at(19))
    assert told(store) == list(range(20))


async def test_another_process_goes_on_where_the_last_one_was(store: FakeObjectStore) -> None:
    for first in range(0, 50, 10):
        await archive_on(store).add(META, at(first - 1), lines(first, first + 9))
    assert len(segments(store)) == 1
    assert told(store) == list(range(50))


async def test_a_full_segment_is_left_and_another_begins(store: FakeObjectStore) -> None:
    archive = archive_on(store)
    await archive.add(META, at(-1), lines(0, FULL_SEGMENT - 1))
    before = dict(store.objects)
    await archive.add(META, at(FULL_SEGMENT - 1), lines(FULL_SEGMENT, FULL_SEGMENT + 9))
    assert before.items() <= store.objects.items()
    assert [len(segment.lines) for segment in segments(store)] == [FULL_SEGMENT, 10]
    assert told(store) == list(range(FULL_SEGMENT + 10))


async def test_a_segment_that_is_full_costs_no_more_than_its_reading(
    store: FakeObjectStore,
) -> None:
    archive = archive_on(store)
    for first in range(0, 2 * FULL_SEGMENT, 100):
        await archive.add(META, at(first - 1), lines(first, first + 99))
    store.calls.clear()
    await archive.add(META, at(2 * FULL_SEGMENT - 1), lines(2 * FULL_SEGMENT, 2 * FULL_SEGMENT))
    assert [call.verb for call in store.calls] == ["list_keys", "get", "put"]


async def test_the_same_twice_is_the_same_once(store: FakeObjectStore) -> None:
    await archive_on(store).add(META, at(-1), lines(0, 9))
    before = dict(store.objects)
    await archive_on(store).add(META, at(-1), lines(0, 9))
    assert store.objects == before


async def test_the_same_twice_when_it_has_filled_a_segment(store: FakeObjectStore) -> None:
    """The process died after the put and before the job's status was trimmed."""
    archive = archive_on(store)
    await archive.add(META, at(-1), lines(0, FULL_SEGMENT - 5))
    for _ in range(2):
        await archive_on(store).add(
            META, at(FULL_SEGMENT - 5), lines(FULL_SEGMENT - 4, FULL_SEGMENT + 9)
        )
        assert told(store) == list(range(FULL_SEGMENT + 10))


async def test_more_than_before_when_it_is_put_away_again(store: FakeObjectStore) -> None:
    await archive_on(store).add(META, at(-1), lines(0, 9))
    await archive_on(store).add(META, at(-1), lines(0, 14))
    assert told(store) == list(range(15))
    assert len(store.objects) == 1


async def test_summed_up_since_it_was_put_away(store: FakeObjectStore) -> None:
    """The store answered late; meanwhile the status had too many lines, and they were joined."""
    await archive_on(store).add(META, at(-1), lines(0, 9))
    summed = LedgerLine(time=at(0), until=at(11), count=12, fate=Fate.STARTED)
    await archive_on(store).add(META, at(-1), [summed, *lines(12, 14)])
    (segment,) = segments(store)
    assert sum(line.count for line in segment.lines) == 15


async def test_a_death_between_the_put_and_the_delete_leaves_nothing_double(
    store: FakeObjectStore,
) -> None:
    await archive_on(store).add(META, at(-1), lines(0, 9))
    store.fail_next("delete", Unreachable("the process died here"))
    await archive_on(store).add(META, at(9), lines(10, 19))
    assert len(store.objects) == 2
    # The next process does what this one would have repeated, and more has come since.
    await archive_on(store).add(META, at(9), lines(10, 24))
    # What was left over reaches up to where the lines begin, so that it is found.
    assert told(store) == list(range(25))


async def test_a_store_that_lets_nothing_be_removed_takes_the_lines_all_the_same(
    store: FakeObjectStore,
) -> None:
    archive = archive_on(store)
    for first in range(0, 50, 10):
        store.fail_next("delete", Denied("s3:DeleteObject"))
        await archive.add(META, at(first - 1), lines(first, first + 9))
        assert archive.archived_until(JOB_UID) == at(first + 9)
    newest = segments(store)[-1]
    assert [line.time for line in newest.lines] == [at(n) for n in range(50)]


@pytest.mark.parametrize("verb", ["list_keys", "get", "put"])
async def test_a_store_that_is_away_takes_nothing_and_it_is_tried_again(
    store: FakeObjectStore, verb: str
) -> None:
    archive = archive_on(store)
    await archive.add(META, at(-1), lines(0, 9))
    store.fail_next(verb, Unreachable("no route"))
    with pytest.raises(Unreachable):
        await archive.add(META, at(9), lines(10, 19))
    assert archive.archived_until(JOB_UID) == at(9)
    assert told(store) == list(range(10))
    await archive.add(META, at(9), lines(10, 19))
    assert told(store) == list(range(20))


async def test_a_put_whose_answer_is_lost_is_repeated(store: FakeObjectStore) -> None:
    archive = archive_on(store)
    await archive.add(META, at(-1), lines(0, 9))
    store.fail_next("put", Unreachable("timed out"), carried_out=True)
    with pytest.raises(Unreachable):
        await archive.add(META, at(9), lines(10, 19))
    await archive.add(META, at(9), lines(10, 19))
    assert told(store) == list(range(20))
    assert len(store.objects) == 1


FOREIGN = ["readme.txt", "001772366409-001772366399.json.bak", "001772366409-001772366300.json"]


@pytest.mark.parametrize("name", FOREIGN)
async def test_somebody_elses_file_is_left_alone(store: FakeObjectStore, name: str) -> None:
    store.objects[f"{FOLDER}{name}"] = b"not ours"
    archive = archive_on(store)
    await archive.add(META, at(-1), lines(0, 9))
    await archive.add(META, at(9), lines(10, 19))
    assert store.objects[f"{FOLDER}{name}"] == b"not ours"
    assert told(store) == list(range(20))


async def test_jobs_of_one_name_are_kept_apart_by_their_uid(store: FakeObjectStore) -> None:
    other = META.model_copy(update={"uid": "another"})
    archive = archive_on(store)
    await archive.add(META, at(-1), lines(0, 9))
    await archive.add(other, at(4), lines(5, 14))
    assert told(store) == list(range(10))
    assert archive.archived_until("another") == at(14)


async def test_a_second_that_was_cut_leaves_a_gap_that_shows(store: FakeObjectStore) -> None:
    """The status was cut while the store was away: its lines now begin later."""
    archive = archive_on(store)
    await archive.add(META, at(-1), lines(0, 9))
    await archive.add(META, at(29), lines(30, 39))
    covered = [(segment.since, segment.until) for segment in segments(store)]
    assert covered == [(at(-1), at(9)), (at(29), at(39))]


async def test_the_line_of_a_backfilled_second_is_kept_by_its_second(
    store: FakeObjectStore,
) -> None:
    archive = archive_on(store)
    line = build_line(at(-500), Fate.STARTED, reason="Backfill")
    assert not archive.is_backfill_kept(JOB_UID, at(-500))
    await archive.add_backfilled(META, line)
    await archive.add_backfilled(META, line)
    (key,) = store.objects
    assert LedgerLine.model_validate(orjson.loads(store.objects[key])) == line
    assert archive.is_backfill_kept(JOB_UID, at(-500))
    # It is no segment, and none takes it for one.
    await archive.add(META, at(-1), lines(0, 9))
    assert told(store) == list(range(10))
    archive.forget_backfilled(JOB_UID, at(-500))
    assert not archive.is_backfill_kept(JOB_UID, at(-500))
