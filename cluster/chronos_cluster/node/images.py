"""Images that no registry gives: made from Debian packages, known to containerd by import."""

from pathlib import Path

from chronos_cluster.archive import Image, write_image
from chronos_cluster.command import run_command
from chronos_cluster.node.busybox import Busybox
from chronos_cluster.node.components import PAUSE_IMAGE
from chronos_cluster.refusal import StepFailed

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
TMP_MODE = 0o1777
TIMEOUT = 120.0


def write_pause(path: Path, busybox: Busybox) -> None:
    """The image every pod's namespaces hang on: sleeps, and ends at once when asked to."""
    command = "trap 'exit 0' TERM INT; while :; do /bin/busybox sleep 86400 & wait $!; done"
    write_image(
        path,
        Image(
            tags=(PAUSE_IMAGE,),
            files={"bin/busybox": busybox.read()},
            command=("/bin/busybox", "sh", "-c", command),
            user="65535:65535",
        ),
    )


def write_busybox(path: Path, busybox: Busybox) -> None:
    """busybox with all its applets, as the public image has them."""
    write_image(
        path,
        Image(
            tags=(busybox.image,),
            files={"bin/busybox": busybox.read()},
            links={f"bin/{applet}": "busybox" for applet in busybox.list_applets()},
            folders={"tmp": TMP_MODE, "etc": 0o755, "root": 0o700, "var": 0o755},
            command=("sh",),
        ),
    )


def write_versitygw(path: Path, *, binary: Path, tag: str) -> None:
    """The S3 gateway alone: a static program and the certificates it may need."""
    files = {"versitygw": binary.read_bytes()}
    if CERTIFICATES.exists():
        files["etc/ssl/certs/ca-certificates.crt"] = CERTIFICATES.read_bytes()
    write_image(
        path,
        Image(
            tags=(tag,),
            files=files,
            folders={"tmp": TMP_MODE},
            entrypoint=("/versitygw",),
            user="65532",
            env=("PATH=/",),
        ),
    )


class ImageStore:
    """containerd's images, asked and filled with its own client over its socket."""

    def __init__(self, socket: Path, *, log: Path, snapshotter: str) -> None:
        self._ctr = ["ctr", "--address", str(socket), "--namespace", "k8s.io"]
        self._log = log
        self._snapshotter = snapshotter

    def list_names(self) -> set[str]:
        return set(run_command([*self._ctr, "images", "ls", "-q"], timeout=TIMEOUT).split())

    def load(self, archive: Path) -> None:
        """Make an archive's image known under its own tags."""
        run_command(
            [*self._ctr, "images", "import", "--snapshotter", self._snapshotter, str(archive)],
            timeout=600,
            log=self._log,
        )

    def tag(self, name: str, *more: str) -> None:
        """Give an image further names, taking them from whatever had them before."""
        for other in more:
            run_command(
                [*self._ctr, "images", "tag", "--force", name, other],
                timeout=TIMEOUT,
                log=self._log,
            )

    def require(self, name: str) -> None:
        """Fails if the image is not there after all."""
        if name not in self.list_names():
            raise StepFailed(f"image {name} did not arrive", remedy="repeat", log=self._log)
