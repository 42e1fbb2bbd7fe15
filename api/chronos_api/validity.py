"""Whether a stored job can run, in the operator's own words."""

from __future__ import annotations

from chronos_api.errors import JobInvalid
from chronos_clients.resources import Object
from chronos_crds.job import ChronosJobSpec
from chronos_crds.validation import InvalidInput, parse_job_spec


def check_valid(job: Object) -> ChronosJobSpec:
    """The job's spec; raises JobInvalid with the words of its condition Valid, where the operator
    has seen this version of it, or else with those of the validator they share."""
    meta, status = job["metadata"], job.get("status") or {}
    for condition in status.get("conditions") or ():
        is_of_now = condition.get("observedGeneration") == meta.get("generation")
        if condition.get("type") == "Valid" and condition.get("status") == "False" and is_of_now:
            raise JobInvalid(f"the job {meta['name']} is not valid: {condition.get('message')}")
    try:
        return parse_job_spec(job.get("spec"))
    except InvalidInput as error:
        raise JobInvalid(f"the job {meta['name']} is not valid: {error}") from error
