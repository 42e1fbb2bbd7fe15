"""Settings, from the environment; each with its unit and its consequence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from chronos_clients.objectstore import StoreAddress


class Config(BaseSettings):
    """The API's settings; names are ``CHRONOS_`` and the field's name in capitals."""

    model_config = SettingsConfigDict(env_prefix="CHRONOS_", extra="ignore", frozen=True)

    kubeconfig: str = Field(default="", description="A kubeconfig file; empty: the pod's own.")
    namespace: str = Field(default="chronos-system", description="Chronos' own; never a tenant.")
    watch_namespaces: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Namespaces to serve, comma separated; empty: all of them."
    )
    default_tenant: str = Field(default="default", description="Where no tenant is named.")
    api_key_file: Path = Field(
        default=Path("/etc/chronos/api-key/api-key"),
        description="The file that holds the API key; read anew when it changes.",
    )
    port: int = Field(default=8000, ge=1, le=65535)
    bind: str = Field(default="0.0.0.0", description="The address to listen on.")  # noqa: S104
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    max_concurrent_requests: int = Field(
        default=512, ge=1, description="More at once are answered with 503."
    )
    s3_endpoint: str = Field(default="", description="URL of the store; empty: AWS itself.")
    s3_public_endpoint: str = Field(
        default="", description="URL of the store as people reach it; links are signed for it."
    )
    s3_bucket: str = "chronos"
    s3_region: str = "us-east-1"
    s3_path_style: bool = True

    @field_validator("watch_namespaces", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    def store_address(self) -> StoreAddress:
        """Where logs lie."""
        return StoreAddress(
            bucket=self.s3_bucket,
            endpoint=self.s3_endpoint,
            public_endpoint=self.s3_public_endpoint,
            region=self.s3_region,
            path_style=self.s3_path_style,
        )
