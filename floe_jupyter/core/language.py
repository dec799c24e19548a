"""The language of modules that name none. All other languages are known by their folders in ``runtimes/`` alone."""

from __future__ import annotations

DEFAULT_LANGUAGE = "python"
"""Language of the notebook's kernel."""
