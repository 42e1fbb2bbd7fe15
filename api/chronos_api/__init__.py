"""The REST API: turns requests into ChronosJobs, and serves what became of them."""
