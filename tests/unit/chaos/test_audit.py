"""The audit finds what it is there to find, and nothing in a run that went well."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chaos.audit import audit
from chaos.evidence import Evidence, read_evidence

Json = dict[str, Any]

BEGAN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
CURSOR = BEGAN + timedelta(seconds=30)
NAME = "tenner"


def at(seconds: float) -> str:
    """So long after the job's creation, as RFC 3339."""
    return (BEGAN + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def run_name(seconds: int) -> str:
    """The execution of that second."""
    return f"{NAME}-{int(BEGAN.timestamp()) + seconds}"


class Story:
    """Objects and ledger of a job of every ten seconds that ran three times; tests break it."""

    def __init__(self) -> None:
        self.job: Json = {
            "metadata": {"name": NAME, "creationTimestamp": at(0)},
            "spec": {"schedule": {"everySeconds": 10, "endTime": at(30)}},
            "status": {"state": "Completed", "cursorTime": at(30), "started": 3},
        }
        self.lines = [self.line(second) for second in (10, 20, 30)]
        self.unknown: list[Json] = []
        self.executions = [self.execution(second) for second in (10, 20, 30)]
        self.kube_jobs = [self.kube_job(second) for second in (10, 20, 30)]
        self.pods = [self.pod(second) for second in (10, 20, 30)]
        self.events: list[Json] = []
        self.births: set[tuple[str, str, str]] = set()

    def line(self, second: int, **changes: Any) -> Json:
        return {"time": at(second), "count": 1, "fate": "Started", "latenessMs": 5, **changes}

    def execution(self, second: int, *, name: str = "", ends: float = 4, **spec: Any) -> Json:
        attempt = {
            "number": 1,
            "startTime": at(second + 0.005),
            "completionTime": at(second + ends),
        }
        spec = {"trigger": "Schedule", "scheduledTime": at(second), **spec}
        return {
            "metadata": {"name": name or run_name(second), "creationTimestamp": at(second)},
            "spec": {"jobRef": {"name": NAME}, **spec},
            "status": {"state": "Succeeded", "attempts": [attempt]},
        }

    def kube_job(self, second: int, *, name: str = "") -> Json:
        name = name or run_name(second)
        return {
            "metadata": {
                "name": f"{name}-1",
                "uid": f"uid of {name}",
                "creationTimestamp": at(second),
                "labels": {"chronos.dev/job": NAME, "chronos.dev/execution": name},
                "annotations": {
                    "chronos.dev/scheduled-time": at(second),
                    "chronos.dev/start-time": at(second + 0.005),
                },
            }
        }

    def pod(self, second: int, *, suffix: str = "x", ends: float = 4) -> Json:
        ended = {
            "startedAt": at(second + 1),
            "finishedAt": at(second + ends),
            "message": f"{1000 + second}.50\n{1000 + second + ends:.2f}\n",
        }
        return {
            "metadata": {
                "name": f"{run_name(second)}-1-{suffix}",
                "uid": f"uid of pod {second} {suffix}",
                "labels": {"batch.kubernetes.io/job-name": f"{run_name(second)}-1"},
            },
            "spec": {"nodeName": "node"},
            "status": {"containerStatuses": [{"state": {"terminated": ended}}]},
        }

    def drop(self, second: int) -> None:
        """Nothing of that second but its line."""
        name = run_name(second)
        self.executions = [it for it in self.executions if it["metadata"]["name"] != name]
        self.kube_jobs = [it for it in self.kube_jobs if it["metadata"]["name"] != f"{name}-1"]
        self.pods = [it for it in self.pods if not it["metadata"]["name"].startswith(name)]

    def turn(self, second: int, **line: Any) -> None:
        """That second was not started, and its line says so."""
        self.drop(second)
        self.lines[second // 10 - 1] = self.line(second, **line)
        fates = [it["fate"] for it in self.lines]
        self.job["status"] |= {
            "started": fates.count("Started"),
            "missed": fates.count("Missed"),
            "skipped": len(fates) - fates.count("Started") - fates.count("Missed"),
        }

    def evidence(self) -> Evidence:
        calendar = {
            "metadata": {"name": "shut"},
            "spec": {"weekly": [{"from": "10:00", "to": "10:01"}]},
        }
        objects = {
            "ChronosJob": [self.job],
            "ChronosExecution": self.executions,
            "ChronosCalendar": [calendar],
            "Job": self.kube_jobs,
            "Pod": self.pods,
            "Event": self.events,
        }
        ledger = {"lines": self.lines, "unknown": self.unknown}
        return read_evidence(copy.deepcopy(objects), {NAME: ledger}, frozenset(self.births))

    def findings(self) -> dict[str, list[str]]:
        found = audit(self.evidence(), until=CURSOR)
        return {rule: wrong for rule, wrong in found.items() if wrong}


def concurrency(story: Story, policy: str, **more: Any) -> None:
    story.job["spec"]["concurrency"] = {"policy": policy, **more}


def lose_a_line(story: Story) -> None:
    del story.lines[1]


def invent_a_line(story: Story) -> None:
    story.lines.append(story.line(25))


def say_it_twice(story: Story) -> None:
    story.lines.append(story.line(20))


def count_wrong(story: Story) -> None:
    story.turn(20, fate="Missed", reason="NotLatest", latenessMs=20_000, count=2)


def stop_early(story: Story) -> None:
    story.job["status"]["cursorTime"] = at(20)
    del story.lines[2]


def not_know(story: Story) -> None:
    story.unknown.append({"from": at(5), "to": at(15), "why": "the archive lacks it"})


def start_without_a_kube_job(story: Story) -> None:
    story.drop(20)


def run_what_was_missed(story: Story) -> None:
    story.lines[1] = story.line(20, fate="Missed", reason="NotLatest", latenessMs=20_000)


def leave_one_in_the_queue(story: Story) -> None:
    story.turn(20, fate="Queued")


def make_two_pods(story: Story) -> None:
    story.pods.append(story.pod(20, suffix="y"))


def make_a_kube_job_again(story: Story) -> None:
    story.births.add(("Job", f"{run_name(20)}-1", "another uid"))


def make_two_executions(story: Story) -> None:
    story.executions.append(story.execution(20, name=f"{NAME}-other"))
    story.kube_jobs.append(story.kube_job(20, name=f"{NAME}-other"))


def succeed_without_a_pod(story: Story) -> None:
    del story.pods[1]


def skip_a_number(story: Story) -> None:
    story.executions[0]["status"]["attempts"][0]["number"] = 2


def start_early(story: Story) -> None:
    story.kube_jobs[1]["metadata"]["annotations"]["chronos.dev/start-time"] = at(19.9)


def run_early(story: Story) -> None:
    (status,) = story.pods[1]["status"]["containerStatuses"]
    status["state"]["terminated"]["startedAt"] = at(19)


def overlap_by_uptime(story: Story) -> None:
    concurrency(story, "Forbid")
    story.pods[0] = story.pod(10, ends=10.6)


def overlap_by_executions(story: Story) -> None:
    concurrency(story, "Forbid")
    story.executions[0] = story.execution(10, ends=10.6)


def overlap_beyond_a_limit(story: Story) -> None:
    concurrency(story, "Forbid", limit=2)
    story.pods[0] = story.pod(10, ends=25)
    story.pods[1] = story.pod(20, ends=15)


def skip_without_a_rule(story: Story) -> None:
    story.turn(20, fate="Skipped", reason="Forbid", name=run_name(10))


def skip_for_nobody(story: Story) -> None:
    concurrency(story, "Forbid")
    story.turn(20, fate="Skipped", reason="Forbid", name=f"{NAME}-nobody")


def start_what_is_excluded(story: Story) -> None:
    story.job["spec"]["schedule"]["excludeCalendars"] = ["shut"]


def suspend_without_a_pause(story: Story) -> None:
    story.turn(20, fate="Suspended", reason="Paused")


def start_out_of_turn(story: Story) -> None:
    concurrency(story, "Queue")
    story.kube_jobs[0]["metadata"]["annotations"]["chronos.dev/start-time"] = at(29)
    story.lines[0] = story.line(10, latenessMs=19_000)
    story.executions[0] = story.execution(10)


def _be_late(story: Story, second: int, by: int) -> None:
    index = second // 10 - 1
    story.lines[index] = story.line(second, latenessMs=by * 1000)
    annotations = story.kube_jobs[index]["metadata"]["annotations"]
    annotations["chronos.dev/start-time"] = at(second + by)


def make_up_although_none(story: Story) -> None:
    story.job["spec"]["missedRuns"] = {"policy": "None"}
    _be_late(story, 30, 12)


def make_up_more_than_the_latest(story: Story) -> None:
    _be_late(story, 10, 40)


def start_after_the_deadline(story: Story) -> None:
    story.job["spec"] |= {"startingDeadlineSeconds": 20, "missedRuns": {"policy": "All"}}
    _be_late(story, 30, 30)


def tell_another_lateness(story: Story) -> None:
    story.lines[2] = story.line(30, latenessMs=9000)


def miss_without_being_late(story: Story) -> None:
    story.turn(20, fate="Missed", reason="NotLatest", latenessMs=3000)
    story.events = [{"type": "Warning", "reason": "Missed", "involvedObject": {"name": NAME}}]


def miss_by_another_policy(story: Story) -> None:
    story.job["spec"]["missedRuns"] = {"policy": "All"}
    story.turn(20, fate="Missed", reason="NotLatest", latenessMs=30_000)
    story.events = [{"type": "Warning", "reason": "Missed", "involvedObject": {"name": NAME}}]


def miss_silently(story: Story) -> None:
    story.turn(20, fate="Missed", reason="NotLatest", latenessMs=30_000)


def go_on_for_ever(story: Story) -> None:
    story.executions[2]["status"]["state"] = "Running"


def count_otherwise(story: Story) -> None:
    story.job["status"]["started"] = 4


def run_by_hand_twice(story: Story) -> None:
    by_hand = story.execution(12, name=f"{NAME}-manual-abcde", trigger="Manual")
    by_hand["status"]["attempts"].append({**by_hand["status"]["attempts"][0], "number": 2})
    story.executions.append(by_hand)


def backfill(story: Story, *seconds: int) -> None:
    """Runs of seconds before the job's creation, which its anchor makes scheduled ones."""
    story.job["spec"]["schedule"]["anchorTime"] = at(-100)
    part = {"trigger": "Backfill"}
    story.executions += [story.execution(second, **part) for second in seconds]
    story.kube_jobs += [story.kube_job(second) for second in seconds]
    story.pods += [story.pod(second) for second in seconds]


def leave_a_backfilled_second_out(story: Story) -> None:
    backfill(story, -50, -30)


def test_a_run_that_went_well_has_no_findings() -> None:
    assert Story().findings() == {}


BREAKS: list[tuple[Callable[[Story], None], str]] = [
    (lose_a_line, "accounted for"),
    (invent_a_line, "accounted for"),
    (say_it_twice, "accounted for"),
    (count_wrong, "accounted for"),
    (stop_early, "accounted for"),
    (not_know, "accounted for"),
    (start_without_a_kube_job, "as recorded"),
    (run_what_was_missed, "as recorded"),
    (leave_one_in_the_queue, "as recorded"),
    (make_two_pods, "never double"),
    (make_a_kube_job_again, "never double"),
    (make_two_executions, "never double"),
    (succeed_without_a_pod, "never double"),
    (skip_a_number, "never double"),
    (start_early, "never early"),
    (run_early, "never early"),
    (overlap_by_uptime, "never too many"),
    (overlap_by_executions, "never too many"),
    (overlap_beyond_a_limit, "never too many"),
    (skip_without_a_rule, "skipped by rule"),
    (skip_for_nobody, "skipped by rule"),
    (start_what_is_excluded, "skipped by rule"),
    (suspend_without_a_pause, "skipped by rule"),
    (start_out_of_turn, "queued in order"),
    (make_up_although_none, "late by policy"),
    (make_up_more_than_the_latest, "late by policy"),
    (start_after_the_deadline, "late by policy"),
    (tell_another_lateness, "late by policy"),
    (miss_without_being_late, "late by policy"),
    (miss_by_another_policy, "late by policy"),
    (miss_silently, "late by policy"),
    (go_on_for_ever, "come to an end"),
    (count_otherwise, "come to an end"),
    (run_by_hand_twice, "come to an end"),
    (leave_a_backfilled_second_out, "backfilled once"),
]


@pytest.mark.parametrize(
    ("break_it", "rule"),
    [pytest.param(step, rule, id=step.__name__.replace("_", " ")) for step, rule in BREAKS],
)
def test_what_breaks_a_rule_is_found(break_it: Callable[[Story], None], rule: str) -> None:
    story = Story()
    break_it(story)
    assert rule in story.findings()


def test_what_is_missed_by_policy_and_told_is_no_finding() -> None:
    story = Story()
    story.turn(20, fate="Missed", reason="NotLatest", latenessMs=30_000)
    story.events = [{"type": "Warning", "reason": "Missed", "involvedObject": {"name": NAME}}]
    assert story.findings() == {}


def test_what_is_skipped_for_one_that_ran_is_no_finding() -> None:
    story = Story()
    concurrency(story, "Forbid")
    story.turn(20, fate="Skipped", reason="Forbid", name=run_name(10))
    assert story.findings() == {}


def test_a_backfill_of_each_second_is_no_finding() -> None:
    story = Story()
    backfill(story, -50, -40, -30)
    assert story.findings() == {}


def test_a_pod_that_was_seen_and_removed_as_it_ended_is_no_finding() -> None:
    story = Story()
    del story.pods[1]
    story.births.add(("Pod", f"{run_name(20)}-1-x", "uid of the pod"))
    assert story.findings() == {}
