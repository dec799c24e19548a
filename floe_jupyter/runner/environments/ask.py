"""Client of a builder of packages outside of this container: ``python -m floe_jupyter.runner.environments.ask``.

Takes the arguments of `floe_jupyter.runner.environments.make` and writes the same output, for a runner without a network.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Sequence

from floe_jupyter.runner.environments.cache import BUILD, BUILDER


def main(arguments: Sequence[str]) -> int:
    """Have the environment named by the arguments made; return the exit code."""
    build = arguments[0] == BUILD
    lang, *deps = arguments[build:]
    try:
        return _ask({"lang": lang, "deps": deps, "build": build})
    except (OSError, ValueError) as error:
        print(json.dumps({"error": f"the builder of packages for this container does not answer: {error}"}), flush=True)
        return 1


def _ask(request: dict[str, object]) -> int:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(os.environ[BUILDER])
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("r", encoding="utf-8") as lines:
            for line in lines:
                said = json.loads(line)
                if "exit" in said:
                    return int(said["exit"])
                print(json.dumps(said), flush=True)
    raise ValueError("it ended in the middle of its answer")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
