"""The two things outside that Chronos talks to, each behind a port: Kubernetes, an object store.

Both processes build on these; each port has an in-memory fake in ``testing.py`` that passes the
same contract suite as the real one.
"""
