"""Every door of the extension, as its own table lists them, and everybody who must not come in."""

from __future__ import annotations

import http.client
import secrets
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import websocket

from floe_jupyter.server.frames import MAXMSGSIZE
from floe_jupyter.server.guard import Guard
from floe_jupyter.server.routes import ROUTES
from tests.server.kit import Page, Server, serving

DOORS = [path for path, _ in ROUTES]
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def knock(server: Server, path: str, headers: dict[str, str], method: str = "GET") -> int:
    """The status of the answer; 101 and 200 let in."""
    host = urlsplit(server.url)
    connection = http.client.HTTPConnection(host.hostname or "", host.port, timeout=10)
    try:
        connection.putrequest(method, f"/{path}", skip_host="Host" in headers)
        for name, value in {**UPGRADE, **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()


def token(server: Server) -> dict[str, str]:
    return {"Authorization": f"token {server.token}"}


def port(server: Server) -> int:
    return urlsplit(server.url).port or 0


def test_every_handler_is_guarded() -> None:
    assert len(DOORS) == 3
    assert all(issubclass(handler, Guard) for _, handler in ROUTES)


@pytest.mark.parametrize("path", DOORS)
def test_with_the_token_the_door_opens(server: Server, path: str) -> None:
    assert knock(server, path, token(server)) in (101, 200)
    assert knock(server, f"{path}?token={server.token}", {}) in (101, 200)


@pytest.mark.parametrize("path", DOORS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_no_token_or_a_foreign_one_is_refused(server: Server, path: str, method: str) -> None:
    refused = (403, 405)
    assert knock(server, path, {}, method) in refused
    foreign = secrets.token_hex(16)
    assert knock(server, path, {"Authorization": f"token {foreign}"}, method) in refused
    assert knock(server, f"{path}?token={foreign}", {}, method) in refused
    assert knock(server, path, {"Cookie": f"username-127-0-0-1-{port(server)}=2|1:0|10:1|{foreign}"}, method) in refused


def origins(server: Server) -> list[str]:
    n = port(server)
    return [
        "http://evil.example",
        f"http://evil.example:{n}",
        "null",
        "",
        "file://",
        f"http://localhost:{n + 1}",
        f"http://localhost.evil.example:{n}",
        f"http://127.0.0.1:{n}@evil.example",
        f"http://evil.example#127.0.0.1:{n}",
        f"http://evil.example/127.0.0.1:{n}",
        f"127.0.0.1:{n}",
    ]


@pytest.mark.parametrize("path", DOORS)
def test_a_foreign_origin_is_refused_also_with_the_token(server: Server, path: str) -> None:
    for origin in origins(server):
        for method in ("GET", "OPTIONS"):
            assert knock(server, path, {**token(server), "Origin": origin}, method) == 403, origin
        assert knock(server, f"{path}?token={server.token}", {"Origin": origin}) == 403, origin
        assert knock(server, path, {**token(server), "Sec-WebSocket-Origin": origin}) == 403, origin


@pytest.mark.parametrize("path", DOORS)
def test_the_own_origin_is_not_foreign(server: Server, path: str) -> None:
    assert knock(server, path, {**token(server), "Origin": f"http://127.0.0.1:{port(server)}"}) in (101, 200)
    own = {"Host": f"LocalHost:{port(server)}", "Origin": f"http://localhost:{port(server)}"}
    assert knock(server, path, {**token(server), **own}) in (101, 403, 200)


@pytest.mark.parametrize("path", DOORS)
def test_a_rebound_host_is_refused_also_with_the_token(server: Server, path: str) -> None:
    for host in (
        "evil.example",
        f"evil.example:{port(server)}",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        f"[2001:db8::1]:{port(server)}",
    ):
        assert knock(server, path, {**token(server), "Host": host}) == 403, host
        assert knock(server, path, {**token(server), "Host": host, "Origin": f"http://{host}"}) == 403, host


def test_an_allowed_origin_comes_in_and_no_other(tmp_path: Path) -> None:
    with serving(tmp_path, "--ServerApp.allow_origin=https://lab.example") as server:
        for path in DOORS:
            assert knock(server, path, {**token(server), "Origin": "https://lab.example"}) in (101, 200)
            assert knock(server, path, {**token(server), "Origin": "https://lab.example.evil.example"}) == 403


def test_the_servers_authorizer_is_asked(tmp_path: Path) -> None:
    with serving(tmp_path, "--ServerApp.authorizer_class=tests.server.readonly.ReadOnly") as server:
        assert knock(server, "floe/status", token(server)) == 200
        assert knock(server, f"floe/bridge?token={server.token}", {}) == 403
        text = server.said()
        assert "this user may not execute kernels" in text
        assert server.token not in text


def test_no_token_is_in_the_log(server: Server) -> None:
    for path in DOORS:
        knock(server, f"{path}?token={server.token}", {})
        knock(server, f"{path}?token={server.token}", {"Origin": "http://evil.example"})
        knock(server, path, token(server))
    text = server.said()
    assert "floe/bridge" in text, "the log says what was asked"
    assert server.token not in text


def test_a_page_without_a_token_is_no_page(server: Server) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        Page(server, headers={})
    assert server.ask("floe/status")["pages"] == 0


def test_a_frame_over_the_limit_ends_the_page_and_nothing_else(server: Server) -> None:
    with server.page() as other, server.page() as page:
        page.present(there=False)
        with pytest.raises((websocket.WebSocketException, ConnectionError)):
            page.send("x" * (MAXMSGSIZE + 1))
            page.receive()
        assert other.refused("runs")[0] == "gone"
