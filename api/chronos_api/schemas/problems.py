"""What an error looks like."""

from __future__ import annotations

from pydantic import Field

from chronos_crds.meta import Model


class ProblemField(Model):
    """One thing wrong with a request."""

    pointer: str | None = Field(default=None, description="JSON pointer into the body.")
    parameter: str | None = Field(default=None, description="The query parameter.")
    message: str = Field(description="What is wrong.")
    remedy: str = Field(description="What to do.")


class ProblemDocument(Model):
    """An error, as RFC 9457 has it."""

    type: str = Field(description="A URN that ends with the code.")
    title: str = Field(description="What kind of error it is.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened this time.")
    instance: str = Field(description="The path that was asked for.")
    code: str = Field(description="Stable, for programs.")
    remedy: str | None = Field(default=None, description="What to do.")
    errors: list[ProblemField] = Field(default=[], description="Each wrong field.")
