"""The flow notation: text to `Flow` and back, with mistakes explained."""
