"""The state folder of the own cluster: every path has its name here."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """Paths below one state folder; nothing is read or written here."""

    state_dir: Path

    @property
    def pki(self) -> Path:
        return self.state_dir / "pki"

    @property
    def conf(self) -> Path:
        """Configuration files of the components, written anew by each start."""
        return self.state_dir / "conf"

    @property
    def logs(self) -> Path:
        return self.state_dir / "logs"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's; what `make env` exports."""
        return self.state_dir / "kubeconfig"

    @property
    def etcd(self) -> Path:
        return self.state_dir / "etcd"

    @property
    def containerd_root(self) -> Path:
        return self.state_dir / "containerd"

    @property
    def containerd_socket(self) -> Path:
        return self.state_dir / "containerd.sock"

    @property
    def kubelet_root(self) -> Path:
        return self.state_dir / "kubelet"

    @property
    def volumes(self) -> Path:
        """Data of PersistentVolumes."""
        return self.state_dir / "volumes"

    @property
    def var_log(self) -> Path:
        """Mounted over /var/log inside: the kubelet writes to fixed paths there."""
        return self.state_dir / "var-log"

    @property
    def var_lib_cni(self) -> Path:
        """Mounted over /var/lib/cni inside: CNI keeps its cache at that fixed path."""
        return self.state_dir / "var-lib-cni"

    @property
    def supervisor_socket(self) -> Path:
        return self.state_dir / "supervisor.sock"

    @property
    def init_record(self) -> Path:
        """JSON: which process is the cluster's init."""
        return self.state_dir / "init.json"

    @property
    def origin_record(self) -> Path:
        """JSON: from which pinned versions the state was made."""
        return self.state_dir / "origin.json"

    @property
    def host_record(self) -> Path:
        """JSON: the subnet taken, and the host's settings as they were before."""
        return self.state_dir / "host.json"

    def kubeconfig_of(self, component: str) -> Path:
        return self.conf / f"{component}.kubeconfig"

    def log_of(self, component: str) -> Path:
        return self.logs / f"{component}.log"
