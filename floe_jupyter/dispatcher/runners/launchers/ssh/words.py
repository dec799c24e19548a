"""Errors of ssh in words, with cause and cure."""

from __future__ import annotations

import re

CHANGED = (
    "{host} shows another key than before: if it was installed anew, remove the old key with `ssh-keygen -R {name}` and connect "
    "once with `ssh {host}`"
)
_WORDS = (
    (
        r"could not resolve hostname|name or service not known",
        "no host {name} is known: check the name, or describe it in ~/.ssh/config",
    ),
    (r"remote host identification has changed", CHANGED),
    (
        r"host key verification failed|no .* host key is known",
        "the key of {host} is not known yet: connect once with `ssh {host}` in a terminal, and accept it",
    ),
    (
        r"permission denied|too many authentication failures",
        (
            "{host} refuses the login: `ssh {host}` has to work without a question; load a key with `ssh-add`, or have it "
            "accepted with `ssh-copy-id {host}`"
        ),
    ),
    (r"connection refused", "{host} refuses connections: is its ssh server running, at the port that ~/.ssh/config says?"),
    (
        r"connection timed out|no route to host|network is unreachable|operation timed out",
        "{host} cannot be reached: check the network, and whether it needs a jump host (ProxyJump in ~/.ssh/config)",
    ),
    (
        r"(remote port|streamlocal|forward).*(failed|refused|prohibited)",
        (
            "the ssh server of {host} refuses to forward a socket: its sshd_config needs `AllowStreamLocalForwarding yes` and "
            "`AllowTcpForwarding yes`"
        ),
    ),
    (
        r"python3.*not found|not found.*python3|no such file.*python3|unknown command.*python3",
        "{host} has no python3 on the PATH of a login without a terminal: install Python 3.11 or newer there",
    ),
)
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE), text) for pattern, text in _WORDS)


def cause_of(host: str, printed: str, code: int) -> str:
    """Return why the connection to *host* ended, from what ssh *printed* and its exit *code*."""
    name = host.rpartition("@")[2]
    for pattern, text in _COMPILED:
        if pattern.search(printed):
            return text.format(host=host, name=name)
    last = printed.strip().rpartition("\n")[2].strip()
    if code == 255:  # ssh's own
        return f"the connection to {host} was lost{': ' + last if last else ''}; run it again when `ssh {host}` works"
    return f"the start on {host} ended with exit status {code}{': ' + last if last else ''}; try `ssh {host} python3 --version`"
