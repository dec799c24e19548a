"""Runtimes: processes per language and environment, their pipes, and the modules loaded in them."""
