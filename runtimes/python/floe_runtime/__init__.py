"""The parts of the Python runtime; `loop` drives them."""
