"""Chaos and its audit: jobs of all kinds, an operator killed at random, and what is then proved.

``python -m chaos`` (with ``tests`` on the path) creates the jobs, kills, waits, and audits. The
audit (``ticks``, ``evidence``, ``audit``) shares no code with Chronos: it reads Kubernetes objects
and the ledger, and expands the few schedules that the fleet uses second by second.
"""
