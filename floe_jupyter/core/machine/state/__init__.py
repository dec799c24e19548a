"""State of one machine: plain objects, and methods that change one object alone. All other modules are functions over them."""
