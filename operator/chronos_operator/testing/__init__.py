"""Stand-ins for what the operator lives in, for tests: clocks, an event loop whose time jumps, a
kubelet, and wires to a cluster that break on demand.

With ``chronos_clients.testing`` a whole cluster with its operator runs in one process, hours in
milliseconds (``Simulation``). Nothing here is used when Chronos runs.
"""

from chronos_operator.testing.account import (
    find_doubles,
    find_overlaps,
    find_overtakings,
    find_unaccounted,
    read_ledger,
)
from chronos_operator.testing.audit import find_faults
from chronos_operator.testing.clock import FakeClock, VirtualClock, run_in_virtual_time
from chronos_operator.testing.kubelet import Command
from chronos_operator.testing.simulation import NAMESPACE, Simulation, simulate
from chronos_operator.testing.watch import Weather
from chronos_operator.testing.wire import Fault, Wire

__all__ = [
    "NAMESPACE",
    "Command",
    "FakeClock",
    "Fault",
    "Simulation",
    "VirtualClock",
    "Weather",
    "Wire",
    "find_doubles",
    "find_faults",
    "find_overlaps",
    "find_overtakings",
    "find_unaccounted",
    "read_ledger",
    "run_in_virtual_time",
    "simulate",
]
