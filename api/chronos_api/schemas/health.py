"""What the process tells of itself."""

from __future__ import annotations

from pydantic import Field

from chronos_crds.meta import Model


class Health(Model):
    """Whether the process can serve."""

    status: str = Field(description="ok, or unavailable.")
    checks: dict[str, bool] = Field(default={}, description="What has answered recently.")


class Version(Model):
    """What runs here."""

    version: str = Field(description="The version of Chronos.")
    time_zone_data: str = Field(description="The version of the time zone data.")
