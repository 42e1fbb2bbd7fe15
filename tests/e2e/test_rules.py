"""Pausing, triggering, backfilling, editing, windows and calendars, by kubectl and by REST."""

from __future__ import annotations

import itertools
import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from e2e.conftest import Api, Json, Tenant, job, manifest, parse_time, wait_for

FAR = {"at": ["2099-12-31T23:59:59Z"]}
EACH_SECOND = {"everySeconds": 1}


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _wait_for_state(api: Api, name: str, state: str) -> None:
    wait_for(lambda: api.status(name).get("state") == state, seconds=20, what=f"{name} as {state}")


def _wait_for_start(api: Api, name: str, *, after: datetime) -> None:
    """Until a second after that moment is started."""

    def has_started() -> bool:
        newest = api.status(name).get("lastTime")
        return newest is not None and parse_time(newest) > after

    wait_for(has_started, seconds=30, what=f"a start of {name} after {after}")


def _wait_for_end(api: Api, execution: str) -> Json:
    def ended() -> Json | None:
        found = api.get(f"/executions/{execution}")
        return found if found["state"] in ("Succeeded", "Failed", "Skipped", "Missed") else None

    return wait_for(ended, seconds=60, what=f"an end of {execution}")


def _fates(api: Api, name: str) -> dict[datetime, str]:
    return {at: line["fate"] for at, line in api.fates(name, every=1).items()}


JITTER = 3


@pytest.fixture(scope="module", autouse=True)
def jittered(tenant: Tenant, image: str) -> str:
    """A job with jitter; begun first, so that it has run some times when its test comes."""
    schedule = {"everySeconds": JITTER, "jitterSeconds": JITTER}
    tenant.api.submit(job("jittered", schedule, "true", image=image))
    return "jittered"


# Pausing


def test_a_job_paused_until_a_moment_resumes_by_itself_and_leaves_out_or_catches_up(
    tenant: Tenant, image: str
) -> None:
    api, began = tenant.api, _now()
    until = began + timedelta(seconds=7)
    for name, rule in (("left-out", "Skip"), ("caught-up", "CatchUp")):
        tenant.kubectl.apply(
            manifest(
                job(
                    name,
                    EACH_SECOND,
                    "true",
                    image=image,
                    pausedUntil=_stamp(until),
                    onResume=rule,
                    missedRuns={"policy": "All"},
                )
            )
        )
    for name in ("left-out", "caught-up"):
        _wait_for_state(api, name, "Paused")
        assert api.executions(name) == []
    for name in ("left-out", "caught-up"):
        _wait_for_start(api, name, after=until)
        tenant.kubectl.change(name, suspend=True)
    created = parse_time(api.get("/jobs/left-out")["createdTime"])
    paused = [created + timedelta(seconds=n) for n in range(1, int((until - created).seconds))]
    assert len(paused) >= 3
    left_out, caught_up = _fates(api, "left-out"), _fates(api, "caught-up")
    assert {left_out[at] for at in paused} == {"Suspended"}
    assert left_out[until] == "Started"
    # The two were stored in one second, or in two.
    assert {caught_up[at] for at in paused[1:]} == {"Started"}


def test_pause_and_resume_by_rest_keep_their_notes(tenant: Tenant, image: str) -> None:
    api = tenant.api
    api.submit(job("noted", EACH_SECOND, "true", image=image))
    wait_for(lambda: api.executions("noted"), seconds=10, what="a first start")
    paused = api.post("/jobs/noted/pause", {"note": "the printer is on fire"})
    assert (paused["suspend"], paused["pauseNote"]) == (True, "the printer is on fire")
    _wait_for_state(api, "noted", "Paused")
    assert "the printer is on fire" in tenant.kubectl("describe", "chronosjob", "noted")
    before = len(api.executions("noted"))
    resumed_at = _now()
    resumed = api.post("/jobs/noted/resume", {"note": "put out"})
    assert (resumed["suspend"], resumed["pauseNote"]) == (False, "put out")
    wait_for(lambda: len(api.executions("noted")) > before, seconds=10, what="a start again")
    assert parse_time(api.executions("noted")[0]["scheduledTime"]) >= resumed_at
    api.post("/jobs/noted/pause", {"until": "2099-01-01T00:00:00Z"})
    _wait_for_state(api, "noted", "Paused")
    past = {"until": "2001-01-01T00:00:00Z"}
    assert api.request("POST", "/jobs/noted/pause", json=past).status_code == 422


# Triggering


def test_a_run_by_hand_starts_once_with_its_parameters_by_kubectl_and_by_rest(
    tenant: Tenant, image: str
) -> None:
    api, kubectl = tenant.api, tenant.kubectl
    body = job("by-hand", FAR, "sh", "-c", image=image)
    container = body["workload"]["container"]
    container |= {
        "args": ["echo $WHO by the schedule"],
        "env": [{"name": "WHO", "value": "nobody"}],
    }
    kubectl.apply(manifest(body))
    parameters = {"args": ["echo $WHO by hand"], "env": [{"name": "WHO", "value": "me"}]}
    execution = {
        "apiVersion": "chronos.dev/v1alpha1",
        "kind": "ChronosExecution",
        "metadata": {"generateName": "by-hand-manual-"},
        "spec": {"jobRef": {"name": "by-hand"}, "parameters": parameters},
    }
    made = kubectl("create", "-f", "-", "-o", "name", stdin=json.dumps(execution))
    by_kubectl = made.strip().partition("/")[2]
    by_rest = api.post("/jobs/by-hand/trigger", parameters, status=201)["id"]
    plain = api.post("/jobs/by-hand/trigger", {}, status=201)["id"]
    for name, log in (
        (by_kubectl, b"me by hand\n"),
        (by_rest, b"me by hand\n"),
        (plain, b"nobody by the schedule\n"),
    ):
        ended = _wait_for_end(api, name)
        assert (ended["state"], ended["trigger"]) == ("Succeeded", "Manual")
        assert api.log(name) == log
        assert len(ended["attempts"]) == 1
    names = {it["id"] for it in api.executions("by-hand")}
    assert names == {by_kubectl, by_rest, plain}
    assert api.status("by-hand")["started"] == 0, "a run by hand is no scheduled second"


def test_a_run_by_hand_for_a_moment_starts_then_also_where_the_job_is_paused(
    tenant: Tenant, image: str
) -> None:
    api = tenant.api
    api.submit(job("later", EACH_SECOND, "true", image=image, suspend=True))
    due_at = _now() + timedelta(seconds=5)
    made = api.post("/jobs/later/trigger", {"at": _stamp(due_at)}, status=201)
    assert parse_time(made["scheduledTime"]) == due_at
    ended = _wait_for_end(api, made["id"])
    assert ended["state"] == "Succeeded"
    started_at = parse_time(ended["attempts"][0]["startTime"])
    assert due_at <= started_at <= due_at + timedelta(seconds=1)
    gone_by = {"at": _stamp(_now() - timedelta(hours=1))}
    assert api.request("POST", "/jobs/later/trigger", json=gone_by).status_code == 422


# Backfilling


def test_a_backfill_shows_its_times_first_runs_each_once_in_order_and_never_again(
    tenant: Tenant, image: str
) -> None:
    api = tenant.api
    schedule = {"cron": ["0 3 * * *"]}
    api.submit(job("reports", schedule, "sh", "-c", "sleep 1", image=image))
    _wait_for_state(api, "reports", "Scheduled")
    newest = _now().replace(hour=3, minute=0, second=0) - timedelta(days=2)
    days = [newest - timedelta(days=n) for n in (3, 2, 1, 0)]
    wanted = {"from": _stamp(days[0]), "to": _stamp(days[-1]), "order": "NewestFirst"}
    plan = api.post("/jobs/reports/backfill", {**wanted, "dryRun": True})
    assert [parse_time(it["scheduledTime"]) for it in plan["times"]] == days[::-1]
    assert {it["status"] for it in plan["times"]} == {"wouldCreate"}
    assert api.executions("reports") == []
    made = api.request("POST", "/jobs/reports/backfill", json=wanted)
    assert made.status_code in (200, 201), made.text
    assert made.json()["created"] == 4
    ended = [_wait_for_end(api, it["execution"]) for it in plan["times"]]
    assert [it["state"] for it in ended] == ["Succeeded"] * 4
    starts = [parse_time(it["attempts"][0]["startTime"]) for it in ended]
    assert starts == sorted(starts), "not newest first"
    for before, after in itertools.pairwise(ended):
        completed = parse_time(before["attempts"][0]["completionTime"])
        assert completed <= parse_time(after["attempts"][0]["startTime"]), "not one at a time"
    again = api.request("POST", "/jobs/reports/backfill", json=wanted).json()
    assert again["created"] == 0
    assert {it["status"] for it in again["times"]} == {"alreadyRan"}
    assert len(api.executions("reports")) == 4


# Editing


def test_an_edit_takes_effect_within_a_second_fires_nothing_and_repeats_nothing(
    tenant: Tenant, image: str
) -> None:
    api = tenant.api
    api.submit(job("edited", {"everySeconds": 1}, "true", image=image))
    wait_for(lambda: len(api.executions("edited")) >= 3, seconds=15, what="three starts")
    tenant.kubectl.change("edited", schedule={"cron": ["0 0 1 1 *"], "everySeconds": None})
    edited_at = datetime.now(UTC)
    wait_for(
        lambda: (api.status("edited").get("nextTime") or "").endswith("-01-01T00:00:00Z"),
        seconds=1,
        what="the new schedule's next second",
    )
    ran = {it["id"] for it in api.executions("edited")}
    assert all(
        parse_time(it["scheduledTime"]) <= edited_at + timedelta(seconds=1)
        for it in api.executions("edited")
    )
    # Back again, anchored so that seconds that ran are among the new schedule's own.
    tenant.kubectl.change(
        "edited",
        schedule={"everySeconds": 2, "anchorTime": "2026-01-01T00:00:00Z", "cron": None},
    )
    back_at = _now()
    wait_for(lambda: len(api.executions("edited")) > len(ran), seconds=10, what="a start again")
    tenant.kubectl.change("edited", suspend=True)
    names = [it["id"] for it in api.executions("edited")]
    assert len(names) == len(set(names))
    new = [it for it in api.executions("edited") if it["id"] not in ran]
    assert all(parse_time(it["scheduledTime"]) >= back_at for it in new)
    kube_jobs = tenant.kubectl.json("get", "jobs", "-l", "chronos.dev/job=edited")["items"]
    seconds = [it["metadata"]["annotations"]["chronos.dev/scheduled-time"] for it in kube_jobs]
    assert len(seconds) == len(set(seconds))


# Windows and calendars


def test_a_window_ends_in_completed_by_its_runs_and_by_its_time(tenant: Tenant, image: str) -> None:
    api = tenant.api
    end = _now() + timedelta(seconds=6)
    by_time = {
        **EACH_SECOND,
        "startTime": _stamp(end - timedelta(seconds=3)),
        "endTime": _stamp(end),
    }
    api.submit(job("by-time", by_time, "true", image=image))
    api.submit(job("by-runs", {**EACH_SECOND, "maxRuns": 2}, "true", image=image))
    for name in ("by-time", "by-runs"):
        _wait_for_state(api, name, "Completed")
    ran = sorted(parse_time(it["scheduledTime"]) for it in api.executions("by-time"))
    assert ran == [end - timedelta(seconds=n) for n in (3, 2, 1, 0)]
    assert len(api.executions("by-runs")) == 2
    assert api.status("by-runs").get("nextTime") is None


def test_a_calendar_keeps_a_job_from_starting_and_the_ledger_names_it(
    tenant: Tenant, image: str
) -> None:
    api, kubectl = tenant.api, tenant.kubectl
    calendar = {
        "apiVersion": "chronos.dev/v1alpha1",
        "kind": "ChronosCalendar",
        "metadata": {"name": "always"},
        "spec": {"ranges": [{"from": "01-01", "to": "12-31"}]},
    }
    kubectl.apply(calendar)
    schedule = {**EACH_SECOND, "excludeCalendars": ["always"]}
    api.submit(job("excluded", schedule, "true", image=image))
    wait_for(lambda: api.status("excluded").get("skipped", 0) >= 3, seconds=20, what="exclusions")
    assert api.executions("excluded") == []
    (line,) = {(it["fate"], it["reason"], it["name"]) for it in api.ledger("excluded")["lines"]}
    assert line == ("Excluded", "Calendar", "always")
    in_use = api.request("DELETE", "/calendars/always")
    assert in_use.status_code == 409
    assert "excluded" in in_use.text
    # What a calendar says is heard while jobs run by it.
    calendar["spec"] = {"dates": ["2001-01-01"]}
    kubectl.apply(calendar)
    wait_for(lambda: api.executions("excluded"), seconds=10, what="a start once it is open")
    kubectl.change("excluded", suspend=True)


@pytest.mark.parametrize(
    "schedule",
    [
        pytest.param({"cron": ["0 12 * * * 2026"]}, id="a sixth field that looks like a year"),
        pytest.param({"cron": ["0 0 9 ? * 8"]}, id="a Quartz weekday that is not there"),
        pytest.param({"cron": ["0 0 31 2 *"]}, id="a day that never comes"),
        pytest.param({"cron": ["0 0 * * *"], "timeZone": "Europe/Berln"}, id="an unknown zone"),
        pytest.param(
            {"everySeconds": 5, "endTime": "2020-01-01T00:00:00Z"}, id="a window of the past"
        ),
        pytest.param(
            {"everySeconds": 5, "excludeCalendars": ["nowhere"]}, id="a calendar that is not there"
        ),
    ],
)
def test_kubectl_and_rest_say_the_same_about_a_bad_schedule(
    schedule: Json, tenant: Tenant, image: str
) -> None:
    api = tenant.api
    name = f"bad-{uuid.uuid4().hex[:8]}"
    body = job(name, schedule, "true", image=image)
    answer = api.request("POST", "/jobs", json=body)
    assert answer.status_code == 422, answer.text
    errors = answer.json()["errors"]
    tenant.kubectl.apply(manifest(body))
    _wait_for_state(api, name, "Invalid")
    said = api.status(name)["conditions"][0]["message"]
    for error in errors:
        assert error["message"] in said
        assert error["remedy"] in said


def test_jitter_starts_later_by_less_than_it_says_and_that_is_not_called_late(
    jittered: str, tenant: Tenant
) -> None:
    wait_for(lambda: tenant.api.status(jittered)["started"] >= 4, seconds=20, what="four starts")
    tenant.kubectl.change(jittered, suspend=True)
    kube_jobs = tenant.kubectl.json("get", "jobs", "-l", f"chronos.dev/job={jittered}")["items"]
    delays = []
    for kube_job in kube_jobs:
        told = kube_job["metadata"]["annotations"]
        started = parse_time(told["chronos.dev/start-time"])
        delays.append((started - parse_time(told["chronos.dev/scheduled-time"])).total_seconds())
    # The start itself takes some milliseconds.
    assert all(0 <= delay < JITTER + 0.5 for delay in delays), delays
    assert max(delays) - min(delays) > 0.03, delays
    assert tenant.api.status(jittered)["late"] == 0
