"""What the fleet is going to start."""

from __future__ import annotations

from pydantic import Field

from chronos_crds.meta import Model, Time


class ForecastShare(Model):
    """How much of a minute one job has."""

    tenant: str = Field(description="The namespace it lives in.")
    name: str = Field(description="The job's name.")
    count: int = Field(description="How many executions it starts in that minute.")


class ForecastMinute(Model):
    """A minute in which something starts."""

    time: Time = Field(description="Its beginning.")
    count: int = Field(description="How many executions start in it.")
    jobs: list[ForecastShare] = Field(description="The jobs that start most, at most three.")


class ForecastCut(Model):
    """A job that starts more often than is counted."""

    tenant: str = Field(description="The namespace it lives in.")
    name: str = Field(description="The job's name.")
    until: Time = Field(description="It is counted up to here.")


class Forecast(Model):
    """What is going to start in a period, by minute; minutes in which nothing does are left out."""

    since: Time = Field(alias="from", description="The first second.")
    until: Time = Field(alias="to", description="The end, itself left out.")
    total: int = Field(description="How many executions start in all.")
    jobs: int = Field(description="How many jobs were looked at.")
    paused: int = Field(description="Of those, how many are paused for the whole period.")
    completed: int = Field(description="Of those, how many have ended for good.")
    invalid: int = Field(description="Of those, how many are not valid.")
    minutes: list[ForecastMinute] = Field(description="Oldest first.")
    peaks: list[ForecastMinute] = Field(description="The ten fullest minutes, fullest first.")
    truncated: list[ForecastCut] = Field(
        description="Jobs that were not counted up to the end, at most a hundred of them."
    )
    incomplete: str | None = Field(
        default=None, description="Why not all jobs were looked at, where that is so."
    )
