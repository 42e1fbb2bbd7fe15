"""The own one-node cluster: real Kubernetes in its own namespaces of this machine's kernel.

One `unshare` gives it a PID, a mount, a network, a UTS and an IPC namespace whose init is
supervisord. When that one process is killed the kernel takes along every process, mount,
interface and iptables rule of the cluster, so there is nothing to clean up piece by piece.
"""
