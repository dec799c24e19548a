"""Frames between a runner and its runtimes."""
