"""The semantics of flows: pure, deterministic, no I/O, no clock, no random number, no threads."""
