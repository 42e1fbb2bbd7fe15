"""Where things lie and what the user asked for, read once from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chronos_cluster.refusal import Refusal

# A Unix socket's path ends at 107 bytes; the longest of ours adds about 30 to the state folder.
STATE_DIR_BYTES = 70


@dataclass(frozen=True)
class Settings:
    """`named_kubeconfig` and `image` are what the user named; None where nothing was named."""

    root: Path
    cache_dir: Path
    state_dir: Path
    named_kubeconfig: Path | None
    image: str | None

    @property
    def named_dir(self) -> Path:
        """State for clusters that are not our own: kubeconfigs, port forwards, receipts."""
        return self.cache_dir / "named"

    @property
    def logs_dir(self) -> Path:
        """Logs of the work that outlives a cluster: builds, downloads, installs."""
        return self.cache_dir / "logs"


def read_settings(environ: Mapping[str, str], *, root: Path, home: Path) -> Settings:
    """Environment to settings; a state folder that sockets cannot live in is refused."""
    base = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
    cache_dir = Path(environ.get("CHRONOS_CACHE_DIR") or base / "chronos")
    state_dir = Path(environ.get("CHRONOS_STATE_DIR") or "/var/lib/chronos-cluster")
    for name, path in (("CHRONOS_CACHE_DIR", cache_dir), ("CHRONOS_STATE_DIR", state_dir)):
        if not path.is_absolute():
            raise Refusal(f"{name} is not an absolute path: {path}", remedy=f"set {name} anew")
    if len(bytes(state_dir)) > STATE_DIR_BYTES:
        raise Refusal(
            f"CHRONOS_STATE_DIR has more than {STATE_DIR_BYTES} bytes: sockets cannot live there",
            remedy="choose a shorter path",
        )
    named = environ.get("CHRONOS_KUBECONFIG")
    return Settings(
        root=root,
        cache_dir=cache_dir,
        state_dir=state_dir,
        named_kubeconfig=Path(named) if named else None,
        image=environ.get("CHRONOS_IMAGE") or None,
    )
