"""Displays in a notebook: pictures, live widgets, and pages that ask through the kernel."""
