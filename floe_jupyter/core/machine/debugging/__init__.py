"""Debugging: breakpoints, held messages, steps forward and back, edits and the recorded history."""
