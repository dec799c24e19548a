"""What a flow means: pure, deterministic, no I/O, no clock, no random number, no threads."""
