"""Decisions: pure functions of values, with the time as an argument. No I/O, no clock, no kopf."""
