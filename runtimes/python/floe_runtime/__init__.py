"""Parts of the Python runtime, driven by `loop`."""
