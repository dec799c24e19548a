"""Messages on wires: onto queues and into joins, as outputs of a node, and held behind it."""
