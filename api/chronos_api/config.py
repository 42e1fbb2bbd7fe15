"""Settings, from the environment; each with its unit and its consequence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from chronos_clients.objectstore import StoreAddress


class Config(BaseSettings):
    """The API's settings; names are ``CHRONOS_`` and the field's name in capitals."""

    model_config = SettingsConfigDict(env_prefix="CHRONOS_", extra="ignore", frozen=True)

    api_key_file: Path = Field(
        default=Path("/etc/chronos/api-key/api-key"),
        description="The file with the API key, at least 32 characters; read again on change.",
    )
    bind: str = Field(
        default="0.0.0.0",  # noqa: S104 - a pod has one address, and its Service must reach it
        description="The address to listen at.",
    )
    port: int = Field(default=8000, ge=0, le=65535, description="0: any free one.")
    kubeconfig: str = Field(default="", description="A kubeconfig file; empty: the pod's own.")
    namespace: str = Field(
        default="chronos-system", description="Chronos' own namespace; never a tenant."
    )
    watch_namespaces: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="The tenants, comma separated; empty: every other namespace."
    )
    default_tenant: str = Field(
        default="default", description="The tenant of requests that name none."
    )
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    max_concurrent_requests: int = Field(
        default=256, ge=1, le=10000, description="Requests side by side; more are answered 503."
    )
    s3_endpoint: str = Field(default="", description="URL of the store; empty: AWS itself.")
    s3_public_endpoint: str = Field(
        default="", description="URL under which people reach the store; empty: s3_endpoint."
    )
    s3_bucket: str = "chronos"
    s3_region: str = "us-east-1"
    s3_prefix: str = Field(default="", description="Put before every key.")
    s3_path_style: bool = True

    @field_validator("watch_namespaces", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @model_validator(mode="after")
    def _serves_somebody(self) -> Self:
        if self.namespace in self.watch_namespaces:
            raise ValueError("CHRONOS_WATCH_NAMESPACES names Chronos' own namespace")
        return self

    def store_address(self) -> StoreAddress:
        """Where logs are."""
        return StoreAddress(
            bucket=self.s3_bucket,
            endpoint=self.s3_endpoint,
            public_endpoint=self.s3_public_endpoint,
            region=self.s3_region,
            path_style=self.s3_path_style,
        )
