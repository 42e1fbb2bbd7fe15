"""Zones: whose data it is, and that no change of a clock is overlooked."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from chronos_crds.zones import load_zone, next_change, stretches, zone_data_version
from oracle import utc_seconds, zone_of

HALF_DAY = 43_200


def test_the_zone_datas_release_is_told() -> None:
    assert re.fullmatch(r"20[0-9]{2}[a-z]", zone_data_version())


def test_zones_of_all_forms_of_name_can_be_loaded() -> None:
    for name in (
        "Etc/UTC",
        "Europe/Kyiv",
        "America/Argentina/Buenos_Aires",
        "EST5EDT",
        "Etc/GMT+5",
    ):
        assert load_zone(name).key == name
        assert load_zone(name) is load_zone(name)


# Among them those whose changes lie closest together: a week around Ramadan, or by mistake.
@pytest.mark.parametrize(
    "name",
    ["Asia/Gaza", "Africa/Casablanca", "America/Boa_Vista", "America/Recife", "Australia/Lord_Howe",
     "Pacific/Apia", "Europe/Berlin", "America/Argentina/Tucuman", "Etc/UTC"],
)  # fmt: skip
def test_no_change_is_overlooked(name: str) -> None:
    zone, start, end = zone_of(name), utc_seconds("1970-01-05"), utc_seconds("2099-12-01")
    samples = [
        datetime.fromtimestamp(moment, zone).utcoffset() for moment in range(start, end, HALF_DAY)
    ]
    seen = [int(after.total_seconds()) for before, after in pairwise(samples)
            if before is not None and after is not None and before != after]  # fmt: skip
    found, at = [], start
    while (change := next_change(load_zone(name), at, end)) is not None:
        at, _, offset = change
        found.append(offset)
    assert found == seen


def test_a_change_is_found_to_the_second() -> None:
    turn = utc_seconds("1972-01-07 00:44:30")
    found = next_change(load_zone("Africa/Monrovia"), turn - 99, turn + 99)
    assert found == (turn, -2670, 0)
    assert next_change(load_zone("Africa/Monrovia"), turn, turn + 99) is None
    assert next_change(load_zone("Africa/Monrovia"), turn - 99, turn - 1) is None


def test_stretches_follow_each_other_without_a_gap() -> None:
    low, high = utc_seconds("2026-01-01"), utc_seconds("2029-01-01")
    found = list(stretches(load_zone("Asia/Beirut"), low, high))
    # Two changes a year, and the whole.
    assert len(found) == 7
    assert found[0].start <= low
    assert found[-1].end > high
    for earlier, later in pairwise(found):
        assert earlier.end == later.start
        assert (earlier.offset, earlier.after) == (later.before, later.offset)


def test_a_change_shortly_before_is_still_told() -> None:
    turn = utc_seconds("2026-10-25 01:00")
    (stretch,) = stretches(load_zone("Europe/Berlin"), turn + 600, turn + 1200)
    assert (stretch.start, stretch.before, stretch.offset) == (turn, 7200, 3600)


def test_a_change_shortly_behind_is_told_already() -> None:
    turn = utc_seconds("2026-10-25 01:00")
    (stretch,) = stretches(load_zone("Europe/Berlin"), turn - 1200, turn - 600)
    assert (stretch.end, stretch.offset, stretch.after) == (turn, 7200, 3600)
    assert datetime.fromtimestamp(stretch.end, UTC).hour == 1
