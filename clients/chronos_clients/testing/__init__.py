"""In-memory stand-ins of both ports, for tests of Chronos and of whatever builds on it.

They pass the same contract suite as the real ones (``tests/contract``). What they do beyond the
ports is for tests alone: faults on demand, a record of calls, logs of pods that never ran.
"""

from chronos_clients.testing.faults import Call
from chronos_clients.testing.kubernetes import FakeKubernetes
from chronos_clients.testing.objectstore import FakeObjectStore
from chronos_clients.testing.podlog import FakeLog

__all__ = ["Call", "FakeKubernetes", "FakeLog", "FakeObjectStore"]
