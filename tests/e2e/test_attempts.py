"""Attempts: retried as asked, and what keeps one from starting is shown."""

from __future__ import annotations

import itertools

from e2e.conftest import Api, Kubectl, job, parse_time, wait_for


def test_a_command_that_exits_3_is_retried_as_asked_and_ends_as_failed_with_exit_code_3(
    api: Api, image: str
) -> None:
    retry = {"maxAttempts": 3, "initialSeconds": 2}
    command = ("sh", "-c", "echo attempt $CHRONOS_ATTEMPT; exit 3")
    api.submit(job("exits-3", {"immediate": True}, *command, image=image, retry=retry))
    execution = api.wait_for_end("exits-3", seconds=90)
    assert execution["state"] == "Failed"
    attempts = execution["attempts"]
    assert [it["number"] for it in attempts] == [1, 2, 3]
    assert [it["exitCode"] for it in attempts] == [3, 3, 3]
    assert [it["outcome"] for it in attempts] == ["Failed"] * 3
    for before, after in itertools.pairwise(attempts):
        pause = parse_time(after["startTime"]) - parse_time(before["completionTime"])
        assert pause.total_seconds() >= 2
    for number in (1, 2, 3):
        text = api.log(execution["id"], attempt=number)
        assert text == f"attempt {number}\n".encode()


def test_an_image_that_does_not_exist_shows_as_such_within_a_minute(
    api: Api, kubectl: Kubectl
) -> None:
    api.submit(job("no-image", {"immediate": True}, "true", image="localhost:1/no/such:image"))

    def reason() -> str | None:
        items = api.executions("no-image")
        return items[0].get("reason") if items else None

    wait_for(lambda: reason() == "ImageUnavailable", seconds=60, what="the reason")
    assert "ImageUnavailable" in kubectl("get", "chronosexecutions")
    assert "ImageUnavailable" in kubectl("describe", "chronosjob", "no-image")


def test_a_job_that_a_quota_denies_ends_with_what_the_quota_said(
    api: Api, kubectl: Kubectl, image: str
) -> None:
    kubectl("create", "quota", "none", "--hard=count/jobs.batch=0")
    api.submit(job("denied", {"immediate": True}, "true", image=image))
    execution = api.wait_for_end("denied")
    assert execution["state"] == "Failed"
    assert execution["attempts"][0]["outcome"] == "Denied"
    assert "exceeded quota" in execution["attempts"][0]["message"]
