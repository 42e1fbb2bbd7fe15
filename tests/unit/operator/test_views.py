"""What the operator wrote is what it reads again: a status that came back changed would be lost."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from builders import build_spec
from chronos_crds.conditions import Truth, merge_condition
from chronos_crds.execution import (
    Attempt,
    AttemptLog,
    ExecutionState,
    ExecutionStatus,
    Outcome,
)
from chronos_crds.job import ChronosJobStatus, JobState
from chronos_crds.ledger import Fate, LedgerLine
from chronos_crds.validation import InvalidInput
from chronos_operator.decide.values import read_execution, read_job

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, UTC)
META = {
    "name": "hello",
    "namespace": "default",
    "uid": "u-1",
    "resourceVersion": "7",
    "creationTimestamp": "2026-03-01T11:00:00Z",
}


def full_job_status(state: JobState) -> ChronosJobStatus:
    return ChronosJobStatus(
        state=state,
        schedule="* * * * *",
        observed_generation=3,
        observed_schedule=build_spec(cron="0 12 * * *", zone="Europe/Berlin").schedule,
        cursor_at=NOW,
        next_at=NOW,
        last_at=NOW,
        last_result="Succeeded",
        active=1,
        queued=6,
        started=2,
        late=3,
        missed=4,
        skipped=5,
        ledger=(LedgerLine(time=NOW, until=NOW, count=2, fate=Fate.MISSED, lateness_ms=7),),
        ledger_from=NOW,
        conditions=merge_condition(
            (),
            type="Valid",
            status=Truth.TRUE,
            reason="Valid",
            message="",
            generation=3,
            now=NOW,
        ),
    )


@pytest.mark.parametrize("state", list(JobState))
def test_a_jobs_status_is_read_as_it_was_written(state: JobState) -> None:
    status = full_job_status(state)
    body = {"metadata": META, "spec": {}, "status": json.loads(json.dumps(status.to_manifest()))}
    assert read_job(body).status == status


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("state", list(ExecutionState))
def test_an_executions_status_is_read_as_it_was_written(
    state: ExecutionState, outcome: Outcome
) -> None:
    status = ExecutionStatus(
        state=state,
        reason="Because",
        message="of that",
        blocked_by="hello-0",
        attempts=(
            Attempt(
                number=1,
                name="hello-1-1",
                started_at=NOW,
                completed_at=NOW,
                outcome=outcome,
                reason="Because",
                message="of that",
                exit_code=3,
                signal=9,
                duration_ms=1000,
                pod="hello-1-1-abcde",
                log=AttemptLog(key="k", size=5, sha256="s", complete=False, message="why"),
            ),
        ),
        attempt_count=1,
        exit_code=3,
        duration="1s",
        next_attempt_at=NOW,
        completed_at=NOW,
    )
    spec = {
        "jobRef": {"name": "hello", "uid": "u-1"},
        "scheduledTime": "2026-03-01T12:00:00Z",
        "trigger": "Schedule",
        "workload": {"type": "container", "container": {"image": "busybox"}},
    }
    body = {"metadata": META, "spec": spec, "status": json.loads(json.dumps(status.to_manifest()))}
    assert read_execution(body).status == status


def test_a_status_with_fields_of_a_later_version_is_read_without_them() -> None:
    status = {**full_job_status(JobState.PAUSED).to_manifest(), "laterField": 1}
    read = read_job({"metadata": META, "spec": {}, "status": status}).status
    assert read == full_job_status(JobState.PAUSED)


def test_a_status_that_cannot_be_read_is_an_error_and_never_taken_for_an_empty_one() -> None:
    status = {**full_job_status(JobState.PAUSED).to_manifest(), "cursorTime": "yesterday"}
    with pytest.raises(InvalidInput, match="cursorTime"):
        read_job({"metadata": META, "spec": {}, "status": status})
