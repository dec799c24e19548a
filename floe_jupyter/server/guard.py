"""Access rules: no request without the server's token or cookie, from another origin, or by another host's name.

Jupyter's own rules come first. One rule is stricter: Jupyter accepts a request with a token from any origin, because a script may
state any origin; a page may not, and a browser always states the origin.
"""

from __future__ import annotations

from typing import NoReturn
from urllib.parse import urlsplit

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import ensure_async, origin_matches_pat
from tornado.web import HTTPError

RESOURCE = "kernels"
"""Resource for Jupyter's authorizer: a page can do the same as with a kernel, namely run code."""


class Guard(JupyterHandler):
    """Base class of all handlers of the extension. Raises 403 before any other check."""

    auth_resource = RESOURCE

    async def prepare(self, **options: bool) -> None:
        """Refuse requests of another origin. Raises 403."""
        if not self.check_origin():
            self._refuse("this page is of another origin; set ServerApp.allow_origin to allow it")
        if self.request.method == "OPTIONS" and not (self.allow_origin or self.allow_origin_pat):
            self._refuse("no other origin is allowed, so a preflight request is refused; set ServerApp.allow_origin to allow one")
        await super().prepare(**options)

    async def admit(self, action: str) -> None:
        """Ask the server's authorizer whether the user may do *action*. Raises 403."""
        if not await ensure_async(self.authorizer.is_authorized(self, self.current_user, action, self.auth_resource)):
            self._refuse(f"this user may not {action} {self.auth_resource}")

    def _refuse(self, why: str) -> NoReturn:
        """Raise 403 without a message: Jupyter would log an error message together with the whole address and its token."""
        self.log.warning("floe refused %s: %s", self.request.path, why)
        self.current_user = self._jupyter_current_user = None
        raise HTTPError(403)

    def check_origin(self, origin_to_satisfy_tornado: str | None = None) -> bool:  # noqa: ARG002
        """Return True for an origin of this host or allowed by the server's `allow_origin`, also for requests with a token.

        Scripts state no origin, and are accepted.
        """
        origin = self.get_origin()
        if origin is None or self.allow_origin == "*":
            return True
        origin = origin.lower()
        if urlsplit(origin).netloc == self.request.headers.get("Host", "?").lower():
            return True
        if self.allow_origin:
            return origin == self.allow_origin.lower()
        return bool(self.allow_origin_pat and origin_matches_pat(self.allow_origin_pat, origin))
