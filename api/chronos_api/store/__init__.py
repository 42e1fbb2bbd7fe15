"""What lies in the cluster and in the archive, over the two ports; every verb raises ApiErrors."""
