"""Machine that runs one instance of a flow: events in, commands out."""
