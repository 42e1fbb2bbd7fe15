"""Behind `make up`: chooses a cluster, brings it up, installs Chronos and tells what it did."""
