"""Trip of a message: off the wires into calls, and back as outputs, as messages given back, or by a crash."""
