"""Settings, from the environment; each with its unit and its consequence."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from chronos_clients.objectstore import StoreAddress


class Config(BaseSettings):
    """The operator's settings; names are ``CHRONOS_`` and the field's name in capitals."""

    model_config = SettingsConfigDict(env_prefix="CHRONOS_", extra="ignore", frozen=True)

    kubeconfig: str = Field(default="", description="A kubeconfig file; empty: the pod's own.")
    watch_namespaces: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Namespaces to serve, comma separated; empty: all of them."
    )
    resync_seconds: float = Field(
        default=60.0,
        ge=5,
        le=3600,
        description="How often everything is listed again; longer finds lost events later.",
    )
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    probe_port: int = Field(default=8080, ge=1, le=65535)
    workers: int = Field(
        default=16, ge=1, le=256, description="Reconciles side by side; each one key at a time."
    )
    s3_endpoint: str = Field(default="", description="URL of the store; empty: AWS itself.")
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

    def store_address(self) -> StoreAddress:
        """Where logs go."""
        return StoreAddress(
            bucket=self.s3_bucket,
            endpoint=self.s3_endpoint,
            region=self.s3_region,
            path_style=self.s3_path_style,
        )
