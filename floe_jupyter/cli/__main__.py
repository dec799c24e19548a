"""Entry point of ``python -m floe_jupyter.cli``."""

from floe_jupyter.cli import main

main()
