"""Example notebooks, and the data files read by the notebooks, for a page to copy into the user's folder."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado import web

from floe_jupyter.server.guard import Guard
from floe_jupyter.wire.shipped import shipped


def examples() -> list[dict[str, Any]]:
    """Return the files in the format of Jupyter's contents API: notebooks in reading order, then data."""
    folder = Path(shipped("_examples", "notebooks"))
    books = [
        {"path": file.name, "type": "notebook", "format": "json", "content": json.loads(file.read_text("utf-8"))}
        for file in sorted(folder.glob("*.ipynb"))
    ]
    data = [
        {"path": f"data/{file.name}", "type": "file", "format": "text", "content": file.read_text("utf-8")}
        for file in sorted(folder.glob("data/*.*"))
    ]
    return [*books, *data]


class Examples(Guard, APIHandler):
    """``GET floe/examples`` -> {"files": [{"path", "type", "format", "content"}]}, to be saved below a folder of the user's."""

    @web.authenticated
    async def get(self) -> None:
        """Answer with the files."""
        await self.admit("read")
        files = await asyncio.to_thread(examples)
        await self.finish({"files": files})
