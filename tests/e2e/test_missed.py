"""What passes while the operator is away: made up by rule, the rest recorded and told."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from e2e.conftest import Api, Json, Kubectl, Tenant, job, manifest, parse_time, wait_for
from e2e.operator_process import operator_away

EVERY = 5
AWAY_SECONDS = 30
# A second that is started within this was not missed, whatever the policy: see docs/rules.md.
MISSED_AFTER_MS = 10_000
DEADLINE = 20
# More than are on time when the operator is back, less than were missed.
LIMIT = 4

# The story takes most of a minute, on a machine that may be busy.
pytestmark = pytest.mark.timeout(240)

RULES: dict[str, Json] = {
    "latest": {},
    "everything": {"missedRuns": {"policy": "All"}},
    "limited": {"missedRuns": {"policy": "All", "limit": LIMIT}},
    "nothing": {"missedRuns": {"policy": "None"}},
    "deadline": {"missedRuns": {"policy": "All"}, "startingDeadlineSeconds": DEADLINE},
}


@dataclass(frozen=True)
class Outage:
    """What the ledgers say about the time in which the operator was away."""

    api: Api
    kubectl: Kubectl
    lines: dict[str, dict[datetime, Json]]

    def missed(self, name: str) -> list[datetime]:
        """The seconds of a job that are recorded as missed, oldest first."""
        return [at for at, line in self.lines[name].items() if line["fate"] == "Missed"]

    def made_up(self, name: str) -> list[datetime]:
        """The seconds of a job that were started later than a restart takes, oldest first."""
        return [
            at
            for at, line in self.lines[name].items()
            if line["fate"] == "Started" and line["latenessMs"] > MISSED_AFTER_MS
        ]

    def reasons(self, name: str) -> set[str]:
        """Why the missed seconds of a job were missed."""
        return {self.lines[name][at]["reason"] for at in self.missed(name)}


@pytest.fixture(scope="module")
def outage(tenant: Tenant, cluster: Kubectl, image: str) -> Outage:
    """Jobs of every five seconds, with an operator that is away for 30 s in their midst."""
    api, kubectl = tenant.api, tenant.kubectl
    schedule = {"everySeconds": EVERY, "anchorTime": "2026-01-01T00:00:00Z"}
    kubectl.apply(
        *(manifest(job(n, schedule, "true", image=image, **rule)) for n, rule in RULES.items())
    )
    _wait_until_each_starts(api, after=datetime.now(UTC) - timedelta(seconds=EVERY))
    with operator_away(cluster):
        time.sleep(AWAY_SECONDS)  # seconds that must pass unseen
    _wait_until_each_starts(api, after=datetime.now(UTC))
    for name in RULES:
        kubectl.change(name, suspend=True)
    return Outage(api, kubectl, {name: api.fates(name, every=EVERY) for name in RULES})


def _wait_until_each_starts(api: Api, *, after: datetime) -> None:
    def all_started() -> bool:
        newest = [api.status(name).get("lastTime") for name in RULES]
        return all(at is not None and parse_time(at) > after for at in newest)

    wait_for(all_started, seconds=60, what=f"a start of each job after {after}")


@pytest.mark.parametrize("name", RULES)
def test_no_second_of_the_outage_is_unaccounted_for(name: str, outage: Outage) -> None:
    seconds = list(outage.lines[name])
    steps = {later - before for before, later in itertools.pairwise(seconds)}
    assert steps == {timedelta(seconds=EVERY)}
    assert len(outage.missed(name)) + len(outage.made_up(name)) >= 3


def test_all_makes_up_each_oldest_first_with_its_own_scheduled_time(outage: Outage) -> None:
    assert outage.missed("everything") == []
    kube_jobs = outage.kubectl.json("get", "jobs", "-l", "chronos.dev/job=everything")["items"]
    annotations = [it["metadata"]["annotations"] for it in kube_jobs]
    starts = sorted(
        (parse_time(it["chronos.dev/scheduled-time"]), parse_time(it["chronos.dev/start-time"]))
        for it in annotations
    )
    assert set(outage.made_up("everything")) <= {scheduled for scheduled, _ in starts}
    assert [started for _, started in starts] == sorted(started for _, started in starts)


def test_latest_makes_up_no_more_than_the_newest(outage: Outage) -> None:
    made_up, missed = outage.made_up("latest"), outage.missed("latest")
    assert len(made_up) <= 1
    assert len(missed) >= 2
    assert all(at > max(missed) for at in made_up)
    assert outage.reasons("latest") == {"NotLatest"}


def test_all_with_a_limit_makes_up_the_newest_so_many(outage: Outage) -> None:
    made_up, missed = outage.made_up("limited"), outage.missed("limited")
    assert 1 <= len(made_up) <= LIMIT
    assert missed
    assert min(made_up) > max(missed)
    assert outage.reasons("limited") == {"OverLimit"}


def test_none_makes_up_nothing_counts_it_and_tells_it_in_a_warning(outage: Outage) -> None:
    assert outage.made_up("nothing") == []
    missed = len(outage.missed("nothing"))
    assert outage.reasons("nothing") == {"NotMadeUp"}
    (row,) = outage.kubectl.rows("chronosjob", "nothing", "-o", "wide")
    assert row["MISSED"] == str(missed)
    selector = "--field-selector=involvedObject.name=nothing,type=Warning,reason=Missed"
    events = outage.kubectl.json("get", "events", selector)["items"]
    assert events, "no warning Event tells of the miss"


def test_what_is_later_than_the_deadline_is_missed_although_the_policy_is_all(
    outage: Outage,
) -> None:
    missed = outage.missed("deadline")
    assert missed
    assert outage.reasons("deadline") == {"DeadlineExceeded"}
    assert all(outage.lines["deadline"][at]["latenessMs"] > DEADLINE * 1000 for at in missed)
    made_up = outage.made_up("deadline")
    assert made_up
    assert all(outage.lines["deadline"][at]["latenessMs"] <= DEADLINE * 1000 for at in made_up)
    assert min(made_up) > max(missed)


@pytest.mark.parametrize("name", RULES)
def test_the_totals_are_the_sums_of_the_ledger(name: str, outage: Outage) -> None:
    status = outage.api.status(name)
    fates = [line["fate"] for line in outage.lines[name].values()]
    assert status["missed"] == fates.count("Missed")
    assert status["started"] >= fates.count("Started")
    late = [it for it in outage.lines[name].values() if it.get("latenessMs", 0) > 1000]
    assert status["late"] >= len([it for it in late if it["fate"] == "Started"])
