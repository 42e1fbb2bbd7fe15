"""What requests ask to be computed: pure functions of values, run in threads by ``computing``."""
