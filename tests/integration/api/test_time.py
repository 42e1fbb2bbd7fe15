"""What people need around time, against a real API server and a real object store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from chronos_clients.kubernetes import connect
from chronos_clients.objectstore import S3ObjectStore, StoreAddress
from chronos_clients.resources import CALENDARS, EXECUTIONS, JOBS, Object, Resource
from chronos_crds.meta import format_time, parse_time
from chronos_crds.naming import backfill_key

from .conftest import Process, run_apart

pytestmark = pytest.mark.cluster

Json = dict[str, Any]
# No such image is ever pulled: what runs is not what these tests are about.
IMAGE = "chronos.invalid/none:1"
YEARLY = {"cron": ["0 0 1 1 *"]}


def submit(client: httpx.Client, name: str, **changes: Any) -> Json:
    """Stores a job that its schedule does not start while the tests run."""
    body = {
        "name": name,
        "schedule": YEARLY,
        "workload": {"container": {"image": IMAGE}},
        **changes,
    }
    answer = client.post("/api/v1/jobs", json=body)
    assert answer.status_code == 201, answer.text
    stored: Json = answer.json()
    return stored


def fetch(kubeconfig: str, resource: Resource, namespace: str, name: str) -> Object:
    """An object as the cluster has it."""

    async def get() -> Object:
        async with connect(kubeconfig) as kubernetes:
            return await kubernetes.get(resource, namespace, name)

    return run_apart(get())


@pytest.fixture
def bucket(store: str, monkeypatch: pytest.MonkeyPatch) -> S3ObjectStore:
    """The object store of these tests, with its bucket."""
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "integration")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "integration-secret")
    objects = S3ObjectStore(StoreAddress(bucket="chronos", endpoint=store))
    run_apart(objects.ensure_bucket())
    return objects


def test_plain_words_are_stored_as_cron(
    client: httpx.Client, kubeconfig: str, namespace: str
) -> None:
    words = {"repeat": "monthly", "on": [1, "last"], "at": "09:30", "timeZone": "Europe/Berlin"}
    submit(client, "words", schedule=words, suspend=True)
    stored = fetch(kubeconfig, JOBS, namespace, "words")["spec"]["schedule"]
    assert stored["cron"] == ["30 9 1,L * *"]
    assert stored["timeZone"] == "Europe/Berlin"


def test_a_pause_changes_nothing_but_the_pause(
    client: httpx.Client, kubeconfig: str, namespace: str
) -> None:
    submit(client, "paused", description="stays")
    before = fetch(kubeconfig, JOBS, namespace, "paused")["spec"]
    until = format_time(datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1))
    pause = {"until": until, "note": "a move", "onResume": "CatchUp"}
    answer = client.post("/api/v1/jobs/paused/pause", json=pause)
    assert answer.status_code == 200, answer.text
    paused = fetch(kubeconfig, JOBS, namespace, "paused")["spec"]
    assert paused == {
        **before, "pausedUntil": until, "pauseNote": "a move", "onResume": "CatchUp",
    }  # fmt: skip
    answer = client.post("/api/v1/jobs/paused/resume", json={"note": "done"})
    assert answer.status_code == 200, answer.text
    resumed = fetch(kubeconfig, JOBS, namespace, "paused")["spec"]
    assert resumed == {**before, "pauseNote": "done", "onResume": "CatchUp"}


def test_ten_pauses_and_ten_edits_at_once_lose_nothing(
    process: Process, client: httpx.Client, kubeconfig: str, namespace: str
) -> None:
    submit(client, "busy")

    def change(number: int) -> int:
        with process.client() as own:
            if number % 2:
                body = {"schedule": YEARLY, "workload": {"container": {"image": IMAGE}},
                        "description": "edited", "suspend": True}  # fmt: skip
                return own.put("/api/v1/jobs/busy", json=body).status_code
            return own.post("/api/v1/jobs/busy/pause", json={}).status_code

    with ThreadPoolExecutor(max_workers=10) as pool:
        assert set(pool.map(change, range(20))) == {200}
    spec = fetch(kubeconfig, JOBS, namespace, "busy")["spec"]
    assert (spec["description"], spec["suspend"]) == ("edited", True)


def test_a_run_by_hand_is_taken_by_the_cluster(
    client: httpx.Client, kubeconfig: str, namespace: str
) -> None:
    job = submit(client, "by-hand")
    at = format_time(datetime.now(UTC).replace(microsecond=0) + timedelta(days=1))
    body = {"at": at, "args": ["a"], "env": [{"name": "A", "value": "1"}], "concurrency": "Ignore"}
    answer = client.post("/api/v1/jobs/by-hand/trigger", json=body)
    assert answer.status_code == 201, answer.text
    id = answer.json()["id"]
    spec = fetch(kubeconfig, EXECUTIONS, namespace, id)["spec"]
    assert spec["jobRef"] == {"name": "by-hand", "uid": job["uid"]}
    assert (spec["trigger"], spec["scheduledTime"], spec["concurrency"]) == ("Manual", at, "Ignore")
    assert spec["parameters"] == {"args": body["args"], "env": body["env"]}
    listed = client.get("/api/v1/jobs/by-hand/executions").json()["items"]
    assert [it["id"] for it in listed] == [id]


def test_a_backfill_is_taken_by_the_cluster_once(
    client: httpx.Client, kubeconfig: str, namespace: str, bucket: S3ObjectStore
) -> None:
    job = submit(client, "reports", schedule={"cron": ["0 0 * * *"]})
    days = [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 3, 4)]
    key = backfill_key(prefix="", tenant=namespace, job_uid=job["uid"], second=days[1])
    run_apart(bucket.put(key, b"{}"))
    period = {"from": format_time(days[0]), "to": format_time(days[-1])}
    dry = client.post("/api/v1/jobs/reports/backfill", json={**period, "dryRun": True})
    assert dry.status_code == 200, dry.text
    statuses = [it["status"] for it in dry.json()["times"]]
    assert statuses == ["wouldCreate", "alreadyRan", "wouldCreate", "wouldCreate"]
    made = client.post("/api/v1/jobs/reports/backfill", json={**period, "order": "NewestFirst"})
    assert (made.status_code, made.json()["created"]) == (201, 3), made.text
    first = made.json()["times"][0]
    spec = fetch(kubeconfig, EXECUTIONS, namespace, first["execution"])["spec"]
    assert parse_time(spec["scheduledTime"]) == days[-1]
    assert spec["backfill"] == {"id": made.json()["id"], "position": 1, "parallel": 1}
    again = client.post("/api/v1/jobs/reports/backfill", json=period)
    assert (again.status_code, again.json()["created"]) == (200, 0)
    told = client.get(
        "/api/v1/jobs/reports/ledger", params={"from": period["from"], "to": period["to"]}
    ).json()
    assert [parse_time(it["time"]) for it in told["backfilled"]] == days
    assert [it["why"] for it in told["unknown"]] == ["before the job was stored"]


def test_a_calendar_lives_from_post_to_delete(
    client: httpx.Client, kubeconfig: str, namespace: str
) -> None:
    body = {
        "name": "freeze",
        "timeZone": "Europe/Berlin",
        "dates": ["05-01"],
        "ranges": [{"from": "12-23", "to": "01-02"}],
        "weekly": [{"days": ["SAT", "SUN"], "from": "22:00", "to": "06:00"}],
    }
    created = client.post("/api/v1/calendars", json=body)
    assert created.status_code == 201, created.text
    url = created.headers["location"]
    stored = fetch(kubeconfig, CALENDARS, namespace, "freeze")["spec"]
    assert {**stored, "name": "freeze"} == {**body, **stored, "name": "freeze"}
    assert client.post("/api/v1/calendars", json=body).json()["code"] == "name_taken"
    changed = client.put(url, json={"dates": ["05-02"]})
    assert changed.json()["dates"] == ["05-02"]
    stale = client.put(url, json=body, headers={"If-Match": created.headers["etag"]})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    submit(client, "frozen", schedule={**YEARLY, "excludeCalendars": ["freeze"]}, suspend=True)
    in_use = client.delete(url)
    assert (in_use.status_code, in_use.json()["code"]) == (409, "calendar_in_use")
    assert "frozen" in in_use.json()["detail"]
    assert client.delete("/api/v1/jobs/frozen").status_code == 204
    assert client.delete(url).status_code == 204
    assert client.get(url).json()["code"] == "calendar_not_found"


def test_a_preview_knows_the_calendars_of_the_tenant(client: httpx.Client) -> None:
    calendar = {"name": "spring", "ranges": [{"from": "2030-03-01", "to": "2030-03-31"}]}
    assert client.post("/api/v1/calendars", json=calendar).status_code == 201
    question = {
        "schedule": {
            "cron": ["0 12 1 * *"],
            "timeZone": "Europe/Berlin",
            "excludeCalendars": ["spring"],
        },
        "after": "2030-02-15T00:00:00Z",
        "count": 2,
    }
    told = client.post("/api/v1/schedules/preview", json=question)
    assert told.status_code == 200, told.text
    assert [it["local"] for it in told.json()["times"]] == [
        "2030-04-01T12:00:00+02:00",
        "2030-05-01T12:00:00+02:00",
    ]
    assert told.json()["excluded"] == 1


def test_a_forecast_of_this_tenant_and_of_all(client: httpx.Client, namespace: str) -> None:
    for number in range(3):
        submit(client, f"hourly-{number}", schedule={"cron": ["30 * * * *"]}, suspend=number == 2)
    begin = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=24)
    period = {"from": format_time(begin), "to": format_time(begin + timedelta(hours=1))}
    own = client.get("/api/v1/forecast", params=period)
    assert own.status_code == 200, own.text
    shares = {
        (share["tenant"], share["name"])
        for minute in own.json()["minutes"]
        for share in minute["jobs"]
    }
    assert {(namespace, "hourly-0"), (namespace, "hourly-1")} <= shares
    assert (namespace, "hourly-2") not in shares
    all_of_them = client.get("/api/v1/forecast", params={**period, "tenant": "*"})
    assert all_of_them.status_code == 200, all_of_them.text
    assert all_of_them.json()["total"] >= own.json()["total"]
    for number in range(3):
        assert client.delete(f"/api/v1/jobs/hourly-{number}").status_code == 204
