"""Certificates speak for whom they should, under the names they serve."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from chronos_cluster.certificates import (
    build_kubeconfig,
    list_identities,
    write_certificates,
)

IDENTITIES = list_identities(node="node-1", node_ip="172.30.250.2", service_ip="10.96.0.1")


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    write_certificates(folder, IDENTITIES)
    return folder


@pytest.mark.parametrize(
    ("file", "common_name", "organization"),
    [
        pytest.param("admin", "admin", "system:masters", id="the administrator"),
        pytest.param("kubelet", "system:node:node-1", "system:nodes", id="the node"),
        pytest.param(
            "scheduler", "system:kube-scheduler", "system:kube-scheduler", id="the scheduler"
        ),
    ],
)
def test_subject(pki: Path, file: str, common_name: str, organization: str) -> None:
    subject = x509.load_pem_x509_certificate((pki / f"{file}.crt").read_bytes()).subject
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == common_name
    assert subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == organization


@pytest.mark.parametrize(
    ("file", "names"),
    [
        pytest.param("apiserver", {"172.30.250.2", "10.96.0.1", "127.0.0.1"}, id="API server"),
        pytest.param("kubelet", {"172.30.250.2"}, id="kubelet, or `kubectl logs` fails"),
    ],
)
def test_addresses_served(pki: Path, file: str, names: set[str]) -> None:
    certificate = x509.load_pem_x509_certificate((pki / f"{file}.crt").read_bytes())
    served = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(address) for address in served.get_values_for_type(x509.IPAddress)} == names


def test_no_certificate_is_without_a_name_which_go_would_refuse(pki: Path) -> None:
    for identity in IDENTITIES:
        certificate = x509.load_pem_x509_certificate((pki / f"{identity.file}.crt").read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert len(list(names)) > 0, identity.file


def test_keys_are_readable_by_their_owner_alone(pki: Path) -> None:
    keys = sorted(pki.glob("*.key"))
    assert len(keys) == len(IDENTITIES) + 2  # And the authority's, and the one for tokens.
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
    assert stat.S_IMODE(pki.stat().st_mode) == 0o700


def test_kubeconfig_names_one_cluster_and_uses_it() -> None:
    read = json.loads(
        build_kubeconfig(
            server="https://172.30.250.2:6443",
            authority=Path("/p/ca.crt"),
            certificate=Path("/p/admin.crt"),
            key=Path("/p/admin.key"),
        )
    )
    assert read["current-context"] == read["contexts"][0]["name"]
    assert read["clusters"][0]["cluster"]["server"] == "https://172.30.250.2:6443"
