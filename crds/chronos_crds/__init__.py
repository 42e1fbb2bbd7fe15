"""The contract of Chronos: what its resources look like, in one place for every process.

Models are pydantic classes; the CRD manifests under ``crds/manifests`` are generated from them
(``python -m chronos_crds``). Nothing here performs I/O.
"""

GROUP = "chronos.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
