"""Launchers of runners: one module per scheme of a URL, found in `registry`, behind the roles in `model`."""
