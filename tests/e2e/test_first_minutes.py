"""What a new user sees in the first five minutes."""

from __future__ import annotations

import hashlib

import httpx
import yaml

from e2e.conftest import EXAMPLES, Api, Json, Kubectl, job, wait_for


def test_the_first_example_by_kubectl_succeeds_and_the_table_tells_it(
    api: Api, kubectl: Kubectl
) -> None:
    kubectl("apply", "-f", str(EXAMPLES / "10-hello.yaml"))
    execution = api.wait_for_end("hello")
    assert execution["state"] == "Succeeded"
    assert api.log(execution["id"]) == b"hello from Chronos\n"
    row = wait_for(
        lambda: _row(kubectl, "chronosjobs", "hello", "Completed"),
        seconds=10,
        what="the job's row as Completed",
    )
    assert row["SCHEDULE"] == "immediate"
    assert row["ZONE"] == "Etc/UTC"
    assert row["RESULT"] == "Succeeded"
    assert row["LAST"] == execution["scheduledTime"]


def test_the_same_job_by_rest_succeeds_and_its_link_gives_the_exact_bytes(
    api: Api, image: str
) -> None:
    body = yaml.safe_load((EXAMPLES / "10-hello.yaml").read_text())
    created = api.submit({"name": "by-rest", **body["spec"]})
    assert created["name"] == "by-rest"
    execution = api.wait_for_end("by-rest")
    assert execution["state"] == "Succeeded"
    link = api.get(f"/executions/{execution['id']}/log-url")
    fetched = httpx.get(link["url"], timeout=30)
    assert fetched.status_code == 200, fetched.text
    assert fetched.content == b"hello from Chronos\n"
    log = execution["attempts"][0]["log"]
    assert log["sha256"] == hashlib.sha256(fetched.content).hexdigest()
    assert log["bytes"] == len(fetched.content)
    assert log["complete"] is True
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in link["url"]


def test_the_link_opens_nothing_else_and_no_longer_than_it_says(api: Api, image: str) -> None:
    for name in ("one", "two"):
        api.submit(job(name, {"immediate": True}, "echo", name, image=image))
    first, second = api.wait_for_end("one"), api.wait_for_end("two")
    url = api.get(f"/executions/{first['id']}/log-url", expires="1")["url"]
    other_key = second["attempts"][0]["log"]["key"]
    forged = url.replace(first["attempts"][0]["log"]["key"], other_key)
    assert forged != url
    assert httpx.get(forged, timeout=30).status_code == 403
    wait_for(
        lambda: httpx.get(url, timeout=30).status_code == 403, seconds=15, what="the link's end"
    )
    answer = api.request("GET", f"/executions/{first['id']}/log-url", params={"expires": "301"})
    assert answer.status_code == 422, answer.text


def test_describe_tells_the_story_of_a_job_in_events(
    api: Api, kubectl: Kubectl, image: str
) -> None:
    retry = {"maxAttempts": 2, "initialSeconds": 4}
    api.submit(job("story", {"immediate": True}, "sh", "-c", "exit 3", image=image, retry=retry))
    api.wait_for_end("story")
    wait_for(
        lambda: all(
            word in kubectl("describe", "chronosjob", "story")
            for word in ("Started", "AttemptFailed", "exit code 3", "RetryPlanned", "Failed")
        ),
        seconds=10,
        what="all Events of the story",
    )


def test_explain_reads_as_documentation(kubectl: Kubectl) -> None:
    text = kubectl("explain", "chronosjob.spec.schedule")
    assert "Cron expressions; several form a union." in text
    assert "IANA time zone" in text
    assert kubectl("get", "chj,chx") == ""


def _row(kubectl: Kubectl, kind: str, name: str, state: str) -> Json | None:
    """A row of ``kubectl get`` by its columns' names, once it shows that state."""
    (row,) = kubectl.rows(kind, name)
    return row if row["STATE"] == state else None
