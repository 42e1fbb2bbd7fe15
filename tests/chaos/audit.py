"""What must hold of the evidence, each rule by itself: functions from evidence to what is wrong.

Findings are sentences; none means that the rule is proved for all that there is evidence of.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from chaos.evidence import Evidence, Execution, Job, KubeJob, Pod
from chaos.ticks import Json, is_excluded, list_ticks, read_time

Findings = Iterator[str]

# The policy for missed seconds concerns what was not started within this.
MISSED_AFTER = timedelta(seconds=10)
# Between deciding that a second is started and the word on its kube job.
SLACK = timedelta(seconds=5)
# Times of the API are cut to whole seconds.
CUT = timedelta(seconds=1)
# Uptime is told in hundredths of a second.
UPTIME_CUT = 0.011


def expected_ticks(job: Job) -> list[datetime]:
    """The seconds that the job's ledger must speak of."""
    return list_ticks(job.spec, created_at=job.created_at, until=job.cursor)


def read_fates(job: Job) -> tuple[dict[datetime, Json], list[str]]:
    """The line of each second, and what is wrong with lines that speak of several."""
    ticks = expected_ticks(job)
    fates: dict[datetime, Json] = {}
    wrong = []
    for line in job.lines:
        first, last = read_time(line["time"]), read_time(line.get("until") or line["time"])
        seconds = [it for it in ticks if first <= it <= last]
        if len(seconds) != line["count"]:
            wrong.append(f"{job.name}: {line} speaks of {len(seconds)} scheduled seconds")
        for second in seconds:
            if second in fates:
                wrong.append(f"{job.name}: two lines speak of {second}")
            fates[second] = line
    return fates, wrong


def audit_accounts(evidence: Evidence, *, until: datetime) -> Findings:
    """Every scheduled second has exactly one line, nothing else has one, and none is unknown."""
    for job in evidence.jobs:
        fates, wrong = read_fates(job)
        yield from wrong
        ticks = expected_ticks(job)
        most = job.spec["schedule"].get("maxRuns")
        started = [it for it, line in fates.items() if line["fate"] == "Started"]
        if most is not None and len(started) > most:
            yield f"{job.name}: started {len(started)} times, maxRuns is {most}"
        if most is not None and len(started) == most:
            ticks = [it for it in ticks if it <= max(started)]
        yield from (f"{job.name}: {it} has no line" for it in ticks if it not in fates)
        for line in job.lines:
            if read_time(line["time"]) not in ticks:
                yield f"{job.name}: {line} speaks of no scheduled second"
        due = list_ticks(job.spec, created_at=job.created_at, until=until)
        is_done = most is not None and len(started) == most
        if due and not is_done and job.cursor < due[-1]:
            yield f"{job.name}: accounts only until {job.cursor}, the last second is {due[-1]}"
        for period in job.unknown:
            if read_time(period["from"]) < job.cursor and read_time(period["to"]) > job.created_at:
                yield f"{job.name}: {period} is unknown"


def audit_fates(evidence: Evidence) -> Findings:
    """Started means one execution and one first attempt, any other fate none."""
    for job in evidence.jobs:
        for second, line in read_fates(job)[0].items():
            name = f"{job.name}-{int(second.timestamp())}"
            attempts = evidence.kube_jobs_of(name)
            execution = evidence.executions.get(name)
            if line["fate"] == "Started":
                if execution is None or execution.scheduled_at != second:
                    yield f"{job.name}: {second} is Started, but there is no execution {name}"
                if f"{name}-1" not in evidence.kube_jobs:
                    yield f"{job.name}: {second} is Started, but there is no kube job {name}-1"
            elif attempts:
                yield f"{job.name}: {second} is {line['fate']}, but there is {attempts[0].name}"
            elif line["fate"] == "Queued":
                yield f"{job.name}: {second} still waits in the queue"


def audit_doubles(evidence: Evidence) -> Findings:
    """One kube job for each attempt, one pod for each kube job, one execution for each second."""
    seen = Counter((kind, name) for kind, name, _ in evidence.births)
    yield from (
        f"{kind} {name} was created {count} times"
        for (kind, name), count in seen.items()
        if count > 1
    )
    attempts = Counter((it.job, it.scheduled_at) for it in evidence.kube_jobs.values()
                       if it.name.endswith("-1") and _is_scheduled(evidence, it))  # fmt: skip
    yield from (f"{key} has {n} first attempts" for key, n in attempts.items() if n > 1)
    for kube_job, pods in evidence.pods_of.items():
        if len(pods) > 1:
            yield f"kube job {kube_job} has {len(pods)} pods"
    seconds = Counter(
        (it.job, it.scheduled_at) for it in evidence.executions.values() if it.is_scheduled
    )
    yield from (f"{key} has {n} executions" for key, n in seconds.items() if n > 1)
    for execution in evidence.executions.values():
        numbers = [it["number"] for it in execution.attempts]
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"{execution.name} has the attempts {numbers}"
        last = f"{execution.name}-{len(numbers)}"
        if execution.state == "Succeeded" and not _had_pod(evidence, last):
            yield f"{execution.name} has succeeded without a pod"
        most = _most_attempts(evidence, execution)
        if len(numbers) > most:
            yield f"{execution.name} has {len(numbers)} attempts of {most}"


def _had_pod(evidence: Evidence, kube_job: str) -> bool:
    """Whether there is a pod, or was: one that is told to end just as it ends is removed."""
    pods = [name for kind, name, _ in evidence.births if kind == "Pod"]
    return any(name.startswith(f"{kube_job}-") for name in pods)


def _is_scheduled(evidence: Evidence, kube_job: KubeJob) -> bool:
    execution = evidence.executions.get(kube_job.execution)
    return execution is None or execution.is_scheduled


def _most_attempts(evidence: Evidence, execution: Execution) -> int:
    job = next(it for it in evidence.jobs if it.name == execution.job)
    most: int = job.spec.get("retry", {}).get("maxAttempts", 1)
    return most


def audit_early(evidence: Evidence) -> Findings:
    """Nothing starts before its second: by the operator's clock, the API server's, the node's."""
    for kube_job in evidence.kube_jobs.values():
        starts = [("decided", kube_job.started_at), ("created", kube_job.created_at)]
        starts += [
            ("run", pod.started_at)
            for pod in evidence.pods_of.get(kube_job.name, ())
            if pod.started_at is not None
        ]
        for what, moment in starts:
            if moment < kube_job.scheduled_at:
                yield f"{kube_job.name} was {what} at {moment}, before {kube_job.scheduled_at}"


def audit_overlaps(evidence: Evidence) -> Findings:
    """Under Forbid, Queue and Replace no more than ``limit`` runs are active at a time."""
    for job in evidence.jobs:
        if job.policy == "Allow":
            continue
        pods = [
            pod
            for it in evidence.kube_jobs.values()
            if it.job == job.name
            for pod in evidence.pods_of.get(it.name, ())
        ]
        yield from _find_crowds(job, _uptime_spans(pods), what="by their node's clock")
        executions = [it for it in evidence.executions_of(job.name) if it.starts_at is not None]
        spans = [
            (it.name, it.starts_at.timestamp(), it.ends_at.timestamp())
            for it in executions
            if it.starts_at is not None
        ]
        yield from _find_crowds(job, spans, what="by their executions")


Span = tuple[str, float, float]


def _uptime_spans(pods: list[Pod]) -> list[Span]:
    """When commands ran, of those on the node that has the most; clocks of nodes differ."""
    by_node: dict[str, list[Span]] = defaultdict(list)
    for pod in pods:
        if pod.uptime is not None:
            begun, ended = pod.uptime
            by_node[pod.node].append((pod.name, begun, ended - UPTIME_CUT))
    return max(by_node.values(), key=len, default=[])


def _find_crowds(job: Job, spans: list[Span], *, what: str) -> Findings:
    for name, begun, _ in spans:
        beside = [it for it, since, until in spans if since <= begun < until and it != name]
        if len(beside) >= job.limit:
            yield f"{job.name}: {name} ran beside {beside}, {what}; the limit is {job.limit}"


def audit_skips(evidence: Evidence) -> Findings:
    """What is skipped names the rule, and under Forbid the execution that was in the way."""
    for job in evidence.jobs:
        for second, line in read_fates(job)[0].items():
            if line["fate"] == "Skipped" and line.get("reason") not in _skips_of(job):
                yield f"{job.name}: {second} is skipped by {line.get('reason')}"
            if line["fate"] == "Skipped" and line.get("reason") == "Forbid":
                yield from _check_blocker(evidence, job, second, line)
            if (line["fate"] == "Excluded") != _is_excluded(evidence, job, second):
                yield f"{job.name}: {second} is {line['fate']} against its calendars"
            if line["fate"] == "Suspended" and not _may_be_suspended(job, second):
                yield f"{job.name}: {second} is Suspended, but the job was not paused"


def _skips_of(job: Job) -> set[str]:
    return {"Forbid": {"Forbid"}, "Queue": {"QueueFull"}, "Replace": {"Replaced"}}.get(
        job.policy, set()
    )


def _check_blocker(evidence: Evidence, job: Job, second: datetime, line: Json) -> Findings:
    blocker = evidence.executions.get(line.get("name") or "")
    if blocker is None or blocker.job != job.name or blocker.starts_at is None:
        yield f"{job.name}: {second} was skipped for {line.get('name')}, which never ran"
    elif blocker.scheduled_at == second:
        yield f"{job.name}: {second} was skipped for itself"


def _is_excluded(evidence: Evidence, job: Job, second: datetime) -> bool:
    names = job.spec["schedule"].get("excludeCalendars", ())
    return any(is_excluded(evidence.calendars[name], second) for name in names)


def _may_be_suspended(job: Job, second: datetime) -> bool:
    until = job.spec.get("pausedUntil")
    is_left_out = job.spec.get("onResume", "Skip") == "Skip"
    return until is not None and is_left_out and second < read_time(until)


def audit_queues(evidence: Evidence) -> Findings:
    """Queued runs start in the order of their seconds."""
    for job in evidence.jobs:
        if job.policy != "Queue":
            continue
        firsts = [
            it
            for it in evidence.kube_jobs.values()
            if it.job == job.name and it.name.endswith("-1") and _is_scheduled(evidence, it)
        ]
        firsts.sort(key=lambda it: it.started_at)
        for before, after in itertools.pairwise(firsts):
            if after.scheduled_at < before.scheduled_at:
                yield f"{job.name}: {after.name} started after {before.name}"


def audit_late(evidence: Evidence) -> Findings:
    """What is late was made up or missed as the policy says, and says how late it was."""
    for job in evidence.jobs:
        fates = read_fates(job)[0]
        jitter = timedelta(seconds=job.spec["schedule"].get("jitterSeconds", 0))
        for second, line in fates.items():
            late = timedelta(milliseconds=line.get("latenessMs") or 0)
            if line["fate"] == "Started":
                yield from _check_start(evidence, job, second, late, jitter)
                if late > MISSED_AFTER and job.policy in ("Allow", "Forbid"):
                    yield from _check_made_up(job, second, late, list(fates))
            if line["fate"] == "Missed":
                yield from _check_missed(job, second, line)
        missed = sum(line["fate"] == "Missed" for line in fates.values())
        if missed and "Missed" not in job.warnings:
            yield f"{job.name}: {missed} seconds were missed without a warning Event"


def _check_start(
    evidence: Evidence, job: Job, second: datetime, late: timedelta, jitter: timedelta
) -> Findings:
    kube_job = evidence.kube_jobs.get(f"{job.name}-{int(second.timestamp())}-1")
    if kube_job is None:
        return
    measured = kube_job.started_at - second
    if not measured - jitter - CUT <= late <= measured + CUT:
        yield f"{job.name}: {second} started {measured} late, the ledger says {late}"
    deadline = job.spec.get("startingDeadlineSeconds")
    if deadline is not None and late > timedelta(seconds=deadline) + SLACK:
        yield f"{job.name}: {second} started {late} late, the deadline is {deadline} s"


def _check_made_up(
    job: Job, second: datetime, late: timedelta, seconds: list[datetime]
) -> Findings:
    policy, limit = _missed_rule(job)
    is_catching_up = job.spec.get("onResume") == "CatchUp"
    if policy == "None" and not is_catching_up:
        yield f"{job.name}: {second} was made up {late} late although the policy is None"
    # Newer seconds that had been missed, too, when this one was started.
    newer = [it for it in seconds if second < it <= second + late - MISSED_AFTER - SLACK]
    if len(newer) >= limit:
        yield f"{job.name}: {second} was made up with {len(newer)} newer ones, the limit is {limit}"


def _missed_rule(job: Job) -> tuple[str, int]:
    rule = job.spec.get("missedRuns", {})
    policy = rule.get("policy", "Latest")
    return policy, {"Latest": 1, "All": rule.get("limit", 100)}.get(policy, 0)


def _check_missed(job: Job, second: datetime, line: Json) -> Findings:
    policy, _ = _missed_rule(job)
    late = timedelta(milliseconds=line.get("latenessMs") or 0)
    allowed = {"None": {"NotMadeUp"}, "Latest": {"NotLatest"}, "All": {"OverLimit"}}[policy]
    deadline = job.spec.get("startingDeadlineSeconds")
    if line.get("reason") == "DeadlineExceeded":
        if deadline is None or late <= timedelta(seconds=deadline):
            yield f"{job.name}: {second} was missed by a deadline of {deadline} s, {late} late"
    elif line.get("reason") not in allowed:
        yield f"{job.name}: {second} was missed by {line.get('reason')} under {policy}"
    elif late <= MISSED_AFTER:
        yield f"{job.name}: {second} was missed although only {late} late"


def audit_ends(evidence: Evidence) -> Findings:
    """Everything has come to an end, and the totals are the sums of the ledger."""
    open_states = ("", "Pending", "Queued", "Running")
    for execution in evidence.executions.values():
        if execution.state in open_states:
            yield f"{execution.name} is still {execution.state or 'without a state'}"
        if not execution.is_scheduled:
            yield from _check_asked_for(evidence, execution)
    for job in evidence.jobs:
        if job.status.get("state") != "Completed":
            yield f"{job.name} is {job.status.get('state')}"
        sums = Counter(line["fate"] for line in read_fates(job)[0].values())
        totals = {
            "started": sums["Started"],
            "missed": sums["Missed"],
            "skipped": sums["Skipped"] + sums["Suspended"] + sums["Excluded"],
        }
        for name, count in totals.items():
            if job.status.get(name, 0) != count:
                yield f"{job.name}: {name} is {job.status.get(name, 0)}, the ledger has {count}"


def _check_asked_for(evidence: Evidence, execution: Execution) -> Findings:
    """A run by hand or of a backfill ran once; one by hand may be skipped because of Forbid."""
    policy = next(it.policy for it in evidence.jobs if it.name == execution.job)
    may_be_skipped = execution.trigger == "Manual" and policy == "Forbid"
    was_skipped = may_be_skipped and execution.state == "Skipped" and not execution.attempts
    if not was_skipped and (execution.state, len(execution.attempts)) != ("Succeeded", 1):
        yield f"{execution.name} is {execution.state} after {len(execution.attempts)} attempts"


def audit_backfills(evidence: Evidence) -> Findings:
    """A backfill has run each scheduled second of its period, once."""
    backfilled: dict[str, list[datetime]] = defaultdict(list)
    for execution in evidence.executions.values():
        if execution.trigger == "Backfill":
            backfilled[execution.job].append(execution.scheduled_at)
    for job in evidence.jobs:
        seconds = sorted(backfilled[job.name])
        if not seconds:
            continue
        # One second earlier: at its creation no job has a second of its interval.
        ticks = list_ticks(job.spec, created_at=seconds[0] - CUT, until=seconds[-1])
        if seconds != ticks:
            yield f"{job.name}: backfilled {seconds}, scheduled were {ticks}"


def audit(evidence: Evidence, *, until: datetime) -> dict[str, list[str]]:
    """What is wrong, by rule; ``until``: every second up to it must be accounted for."""
    return {
        "accounted for": list(audit_accounts(evidence, until=until)),
        "as recorded": list(audit_fates(evidence)),
        "never double": list(audit_doubles(evidence)),
        "never early": list(audit_early(evidence)),
        "never too many": list(audit_overlaps(evidence)),
        "skipped by rule": list(audit_skips(evidence)),
        "queued in order": list(audit_queues(evidence)),
        "late by policy": list(audit_late(evidence)),
        "backfilled once": list(audit_backfills(evidence)),
        "come to an end": list(audit_ends(evidence)),
    }


def summarize(evidence: Evidence) -> str:
    """What the audit rests on."""
    lines = [line for job in evidence.jobs for line in read_fates(job)[0].values()]
    fates = Counter(line["fate"] for line in lines)
    told = ", ".join(f"{count} {fate}" for fate, count in sorted(fates.items()))
    most = MISSED_AFTER / timedelta(milliseconds=1)
    late = sum(line["fate"] == "Started" and (line.get("latenessMs") or 0) > most for line in lines)
    asked_for = sum(not it.is_scheduled for it in evidence.executions.values())
    uptimes = sum(pod.uptime is not None for pod in evidence.pods)
    return (
        f"{len(evidence.jobs)} jobs, {len(lines)} scheduled seconds: {told}; "
        f"{late} started more than {MISSED_AFTER.seconds} s late; asked for besides: {asked_for}\n"
        f"{len(evidence.executions)} executions, {len(evidence.kube_jobs)} kube jobs, "
        f"{len(evidence.pods)} pods ({uptimes} timed to 10 ms), {len(evidence.births)} births seen"
    )
