"""The Python API, for notebooks, scripts and the command line."""
