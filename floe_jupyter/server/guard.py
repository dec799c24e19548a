"""Who may come in: nobody without the server's token or cookie, from another origin, or by another host's name.

Jupyter's own rules come first. One is stricter here: Jupyter lets a request with a token come from any origin, because a
script may say what it likes; a page may not, and a browser always says where it comes from.
"""

from __future__ import annotations

from typing import NoReturn
from urllib.parse import urlsplit

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import ensure_async, origin_matches_pat
from tornado.web import HTTPError

RESOURCE = "kernels"
"""What a page can do here is what it can do with a kernel, for Jupyter's authorizer: run code."""


class Guard(JupyterHandler):
    """In front of every handler of ours. Raises 403 before anything else is looked at."""

    auth_resource = RESOURCE

    async def prepare(self, **options: bool) -> None:
        if not self.check_origin():
            self._refuse("this page is of another origin; set ServerApp.allow_origin to let it in")
        if self.request.method == "OPTIONS" and not (self.allow_origin or self.allow_origin_pat):
            self._refuse("no other origin is let in, so nobody has to ask first")
        await super().prepare(**options)

    async def admit(self, action: str) -> None:
        """Ask the server's authorizer whether its user may do this. Raises 403."""
        if not await ensure_async(self.authorizer.is_authorized(self, self.current_user, action, self.auth_resource)):
            self._refuse(f"this user may not {action} {self.auth_resource}")

    def _refuse(self, why: str) -> NoReturn:
        """An error with a message of its own would be logged with the whole address, and the token in it."""
        self.log.warning("floe refused %s: %s", self.request.path, why)
        self.current_user = self._jupyter_current_user = None
        raise HTTPError(403)

    def check_origin(self, origin_to_satisfy_tornado: str | None = None) -> bool:  # noqa: ARG002
        """Of this host, or allowed by the server's `allow_origin`; also for requests with a token. Scripts say none."""
        origin = self.get_origin()
        if origin is None or self.allow_origin == "*":
            return True
        origin = origin.lower()
        if urlsplit(origin).netloc == self.request.headers.get("Host", "?").lower():
            return True
        if self.allow_origin:
            return origin == self.allow_origin.lower()
        return bool(self.allow_origin_pat and origin_matches_pat(self.allow_origin_pat, origin))
