"""The operator: turns ChronosJobs into kube jobs at the right second and says what became of them.

The straight line: ticker -> reconcile (observe, decide, apply) -> effects. Handlers only wake.
"""
