"""Generator of ``runtimes/protocol.schema.json`` from the frames: ``python -m floe_jupyter.wire.generate.schema``.

The structs of `floe_jupyter.wire.runtime.frames` are the only definition; a test fails when a generated file is out of date.
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from floe_jupyter.wire.runtime.frames import (
    FRAME_LIMIT,
    HEAD_LIMIT,
    PROTOCOL,
    SEGMENT_FROM,
    FromRuntime,
    ToRuntime,
)

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "runtimes" / "protocol.schema.json"


def schema() -> dict[str, Any]:
    """Return the JSON schema (2020-12) of all heads: ``#/$defs/to_runtime`` and ``#/$defs/from_runtime``."""
    (to_runtime, from_runtime), definitions = msgspec.json.schema_components(
        [ToRuntime, FromRuntime], ref_template="#/$defs/{name}"
    )
    for definition in definitions.values():
        if "description" in definition:  # some versions of msgspec keep the indentation of docstrings
            definition["description"] = inspect.cleandoc(definition["description"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Heads of the frames between a runner and its runtimes",
        "description": (
            f"Generated from floe_jupyter/wire/runtime/frames.py, protocol {PROTOCOL}. A head is at most {HEAD_LIMIT} "
            f"bytes, a frame {FRAME_LIMIT}; buffers over {SEGMENT_FROM} bytes go by shared memory. Ignore fields you do not know."
        ),
        "anyOf": [{"$ref": "#/$defs/to_runtime"}, {"$ref": "#/$defs/from_runtime"}],
        "$defs": {**definitions, "to_runtime": to_runtime, "from_runtime": from_runtime},
    }


def files() -> dict[Path, str]:
    """Return the path and the text of every generated file."""
    return {SCHEMA: json.dumps(schema(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"}


def main() -> int:
    """Write the outdated files; with ``--check`` only list them."""
    stale = [path for path, text in files().items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if "--check" not in sys.argv:
            path.write_text(files()[path])
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
