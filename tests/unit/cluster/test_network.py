"""iptables rules of ours carry a mark, by which they are found again and removed."""

from __future__ import annotations

from chronos_cluster.node.addresses import Link
from chronos_cluster.node.network import MARK, build_rules, list_marked_rules

LINK = Link("172.30.250.0/30", "172.30.250.1", "172.30.250.2", 1500)


def test_every_rule_carries_the_mark() -> None:
    for _, _, *rule in build_rules(LINK):
        at = rule.index("--comment")
        assert rule[at + 1] == MARK


def test_only_marked_rules_are_deleted_each_as_it_was_added() -> None:
    saved = "\n".join(
        (
            "-P FORWARD DROP",
            "-A FORWARD -i docker0 -j ACCEPT",
            f'-A FORWARD -i chronos-host -m comment --comment "{MARK}" -j ACCEPT',
            f"-A FORWARD -i eth9 -m comment --comment not-{MARK} -j ACCEPT",
            f"-N {MARK}",
        )
    )
    arguments = "-D FORWARD -i chronos-host -m comment --comment chronos-cluster -j ACCEPT"
    assert list_marked_rules(saved) == [arguments.split()]
