"""Stand-ins for what the operator lives in, for tests: clocks, an event loop whose time jumps, a
kubelet, and wires to a cluster that break on demand.

With ``chronos_clients.testing`` a whole cluster with its operator runs in one process, hours in
milliseconds. Nothing here is used when Chronos runs.
"""

from chronos_operator.testing.clock import FakeClock, VirtualClock, run_in_virtual_time

__all__ = ["FakeClock", "VirtualClock", "run_in_virtual_time"]
