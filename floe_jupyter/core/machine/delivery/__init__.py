"""Trip of a message: onto wires, off them, into calls, and back as outputs."""
