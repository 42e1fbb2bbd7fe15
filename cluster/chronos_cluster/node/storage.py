"""The default StorageClass: folders of the state folder, by Rancher's local-path-provisioner."""

import json
from pathlib import Path
from typing import Any

NAMESPACE = "local-path-storage"
SETUP = '#!/bin/sh\nset -eu\nmkdir -m 0777 -p "$VOL_DIR"\n'
TEARDOWN = '#!/bin/sh\nset -eu\nrm -rf "$VOL_DIR"\n'


def build_provisioner_configuration(volumes: Path) -> str:
    """Where volumes lie, for every node."""
    return json.dumps(
        {"nodePathMap": [{"node": "DEFAULT_PATH_FOR_NON_LISTED_NODES", "paths": [str(volumes)]}]}
    )


def build_helper_pod(image: str) -> str:
    """The pod that makes and removes a volume's folder."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "helper-pod"},
            "spec": {
                "priorityClassName": "system-node-critical",
                "automountServiceAccountToken": False,
                "containers": [
                    {"name": "helper-pod", "image": image, "imagePullPolicy": "IfNotPresent"}
                ],
            },
        }
    )


def build_storage_objects(*, volumes: Path, helper_image: str) -> list[dict[str, Any]]:
    """Namespace, service account, scripts and the StorageClass itself."""
    metadata = {"namespace": NAMESPACE}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "local-path-helper", **metadata},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "local-path-config", **metadata},
            "data": {
                "config.json": build_provisioner_configuration(volumes),
                "setup": SETUP,
                "teardown": TEARDOWN,
                "helperPod.yaml": build_helper_pod(helper_image),
            },
        },
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": "local-path",
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            "provisioner": "rancher.io/local-path",
            "volumeBindingMode": "WaitForFirstConsumer",
            "reclaimPolicy": "Delete",
        },
    ]
