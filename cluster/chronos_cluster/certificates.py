"""The cluster's certificate authority, its certificates and kubeconfigs, issued with trustme."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True)
class Identity:
    """Who a certificate speaks for: common name, group (organization), names it serves under."""

    file: str
    common_name: str
    group: str | None = None
    serves_as: tuple[str, ...] = ()


def list_identities(*, node: str, node_ip: str, service_ip: str) -> tuple[Identity, ...]:
    """Every certificate of a one-node cluster."""
    api_names = (
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "127.0.0.1",
        service_ip,
        node_ip,
    )
    return (
        Identity("apiserver", "kube-apiserver", serves_as=api_names),
        Identity("admin", "admin", group="system:masters"),
        Identity("controller-manager", "system:kube-controller-manager"),
        Identity("scheduler", "system:kube-scheduler"),
        Identity("proxy", "system:kube-proxy"),
        # The API server checks the kubelet's certificate against the address it calls,
        # so without the node's address here `kubectl logs` fails.
        Identity("kubelet", f"system:node:{node}", group="system:nodes", serves_as=(node, node_ip)),
        Identity("kubelet-client", "kube-apiserver-kubelet-client", group="system:masters"),
    )


def write_certificates(folder: Path, identities: Sequence[Identity]) -> None:
    """Issue everything anew into `folder`: NAME.crt, NAME.key, ca.crt, ca.key, sa.key, sa.pub."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    authority = trustme.CA(organization_name="Chronos local cluster")
    authority.cert_pem.write_to_path(folder / "ca.crt")
    _write_secret(folder / "ca.key", authority.private_key_pem.bytes())
    for identity in identities:
        # Without any name trustme writes an empty critical extension, which Go refuses.
        leaf = authority.issue_cert(
            *(identity.serves_as or (f"{identity.file}.client.invalid",)),
            common_name=identity.common_name,
            organization_name=identity.group or identity.common_name,
        )
        (folder / f"{identity.file}.crt").write_bytes(leaf.cert_chain_pems[0].bytes())
        _write_secret(folder / f"{identity.file}.key", leaf.private_key_pem.bytes())
    _write_signing_pair(folder)


def _write_signing_pair(folder: Path) -> None:
    """The key pair with which the cluster signs the tokens of service accounts."""
    key = ec.generate_private_key(ec.SECP256R1())
    _write_secret(
        folder / "sa.key",
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ),
    )
    (folder / "sa.pub").write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


def _write_secret(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(data)


def build_kubeconfig(*, server: str, authority: Path, certificate: Path, key: Path) -> str:
    """A kubeconfig that refers to certificate files; JSON, which every YAML reader reads."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "chronos",
                    "cluster": {"server": server, "certificate-authority": str(authority)},
                }
            ],
            "users": [
                {
                    "name": "user",
                    "user": {"client-certificate": str(certificate), "client-key": str(key)},
                }
            ],
            "contexts": [
                {"name": "chronos-local", "context": {"cluster": "chronos", "user": "user"}}
            ],
            "current-context": "chronos-local",
        },
        indent=1,
    )
