"""A second machine for tests, made of namespaces: its own network, processes, shared memory, ``/run``, ``/tmp``, users and name.

It shares the kernel and most files with this machine, and runs an ssh server. Root is needed; nothing of this machine is changed.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

NEEDED = {"ip": "iproute2", "iptables": "iptables", "sshd": "openssh-server", "ssh": "openssh-client", "unshare": "util-linux"}
"""Debian's package of each program."""
UID = 42_420
"""User of the other machine, unknown to this one."""
UP_WITHIN = 10.0
"""Seconds for the start of the ssh server."""
_SBIN = "/usr/sbin:/sbin"
_SSHD = """
Port 22
ListenAddress {address}
HostKey {scratch}/host_key
AuthorizedKeysFile {scratch}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
PidFile none
SetEnv PATH={scratch}/bin:/usr/local/bin:/usr/bin:/bin
"""
_CONFIG = """
Host far
  HostName {address}
  User far
  IdentityFile {scratch}/key
  IdentitiesOnly yes
  UserKnownHostsFile {scratch}/known_hosts
Host stranger
  HostName {address}
  HostKeyAlias stranger
  User far
  IdentityFile {scratch}/key
  UserKnownHostsFile {scratch}/nobody
Host closed
  HostName {address}
  Port 2
Host refused
  HostName {address}
  HostKeyAlias far
  User far
  IdentityFile {scratch}/other_key
  IdentitiesOnly yes
  UserKnownHostsFile {scratch}/known_hosts
"""
_START = """
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs -o mode=755 tmpfs /home
mkdir -p /run/sshd /home/far
chown {uid}:{uid} /home/far
for name in passwd shadow group; do mount --bind {scratch}/$name /etc/$name; done
hostname far
exec {sshd} -D -e -f {scratch}/sshd_config
"""


def missing() -> str:
    """Return what is missing for a second machine, with the cure; empty if nothing is."""
    if os.geteuid() != 0:
        return "a second machine is made of namespaces by root: run the tests as root"
    absent = [package for program, package in NEEDED.items() if which(program) is None]
    if absent:
        return f"a second machine needs programs that are missing: apt-get install {' '.join(sorted(absent))}"
    name = f"floe-try-{secrets.token_hex(2)}"
    tried = _run("ip", "netns", "add", name)
    if tried.returncode:
        return f"no network namespace can be made ({tried.stderr.strip()}): run the tests in a container with --privileged"
    _run("ip", "netns", "del", name)
    tried = _run("unshare", "--mount", "--pid", "--fork", "--mount-proc", "--uts", "--ipc", "true")
    return f"no namespaces can be made ({tried.stderr.strip()}): run with --privileged" if tried.returncode else ""


def which(program: str) -> str | None:
    """Return the path of a program, also where only root looks."""
    return shutil.which(program, path=f"{os.environ['PATH']}:{_SBIN}")


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    found = which(command[0])
    assert found is not None, command[0]
    return subprocess.run([found, *command[1:]], capture_output=True, text=True, timeout=20, check=False)


def _do(*command: str) -> None:
    done = _run(*command)
    assert not done.returncode, f"{' '.join(command)}: {done.stderr}"


class FarMachine:
    """The second machine, which ssh knows as ``far``; as ``stranger`` its key is unknown, as ``refused`` it refuses ours."""

    def __init__(self) -> None:
        self.scratch = Path(tempfile.mkdtemp(dir="/var/tmp", prefix="floe-far-"))
        self.scratch.chmod(0o755)
        token = secrets.token_hex(2)
        self._space, self._here, self._there = f"floe-{token}", f"fl{token}a", f"fl{token}b"
        network = f"10.{200 + secrets.randbelow(50)}.{secrets.randbelow(250)}"
        self.address, self._other = f"{network}.2", f"{network}.1"
        self.log = self.scratch / "sshd.log"
        self._sshd: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the machine. Raises AssertionError with the log if its ssh server does not answer."""
        _do("ip", "netns", "add", self._space)
        _do("ip", "link", "add", self._here, "type", "veth", "peer", "name", self._there, "netns", self._space)
        _do("ip", "addr", "add", f"{self._other}/24", "dev", self._here)
        _do("ip", "link", "set", self._here, "up")
        _do("ip", "-n", self._space, "addr", "add", f"{self.address}/24", "dev", self._there)
        _do("ip", "-n", self._space, "link", "set", self._there, "up")
        _do("ip", "-n", self._space, "link", "set", "lo", "up")
        self._keys()
        self._users()
        values = {"address": self.address, "scratch": self.scratch, "uid": UID, "sshd": which("sshd")}
        (self.scratch / "sshd_config").write_text(_SSHD.format(**values))
        (self.scratch / "config").write_text(_CONFIG.format(**values))
        (self.scratch / "bin").mkdir()
        self._wrap()
        unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts", "--ipc"]
        with self.log.open("wb") as log:
            self._sshd = subprocess.Popen(
                [str(which("ip")), "netns", "exec", self._space, *unshare, "sh", "-c", _START.format(**values)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait_up()

    def _keys(self) -> None:
        for name in ("host_key", "key", "other_key"):
            _do("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.scratch / name))
        public = (self.scratch / "host_key.pub").read_text()
        (self.scratch / "known_hosts").write_text(f"{self.address} {public}far {public}")
        shutil.copy(self.scratch / "key.pub", self.scratch / "authorized_keys")

    def _users(self) -> None:
        lines = {
            "passwd": f"far:x:{UID}:{UID}::/home/far:/bin/sh",
            "shadow": "far:*:19000:0:99999:7:::",
            "group": f"far:x:{UID}:",
        }
        for name, line in lines.items():
            copy = self.scratch / name
            copy.write_text(f"{Path('/etc', name).read_text()}{line}\n")
            copy.chmod(0o640 if name == "shadow" else 0o644)

    def _wrap(self) -> None:
        """Put a program ``ssh`` with the machine's configuration into a folder for the PATH."""
        folder = self.scratch / "path"
        folder.mkdir()
        (folder / "ssh").write_text(f'#!/bin/sh\nexec {which("ssh")} -F {self.scratch}/config "$@"\n')
        (folder / "ssh").chmod(0o755)

    @property
    def path(self) -> str:
        """PATH with which ssh knows this machine."""
        return f"{self.scratch / 'path'}:{os.environ['PATH']}"

    def _wait_up(self) -> None:
        deadline = time.monotonic() + UP_WITHIN
        while (done := self.run("true")).returncode:
            assert time.monotonic() < deadline, f"waited {UP_WITHIN:g} s for the ssh server: {done.stderr}{self.log.read_text()}"
            time.sleep(0.02)

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command there."""
        ssh = [str(self.scratch / "path" / "ssh"), "-o", "BatchMode=yes", "far", command]
        return subprocess.run(ssh, capture_output=True, text=True, timeout=20, check=False)

    def processes(self) -> list[psutil.Process]:
        """Return all processes of the machine's user, as seen from this machine; other tests may have machines of their own."""
        network = os.stat(f"/run/netns/{self._space}").st_ino
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, FileNotFoundError):
                if process.uids().real != UID or process.status() == psutil.STATUS_ZOMBIE:
                    continue
                if os.stat(f"/proc/{process.pid}/ns/net").st_ino == network:
                    found.append(process)
        return found

    def files(self) -> list[str]:
        """Return what floe-jupyter keeps there besides its cached environments."""
        return self.run("ls -d /tmp/* /dev/shm/* /run/floe* 2>/dev/null").stdout.split()

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Lose all packets to the machine."""
        rule = ["ip", "netns", "exec", self._space, "iptables", "{}", "INPUT", "-s", self._other, "-j", "DROP"]
        _do(*(word.format("-I") for word in rule))
        try:
            yield
        finally:
            _do(*(word.format("-D") for word in rule))

    def stop(self) -> None:
        """End the machine with all its processes, and remove its files."""
        if self._sshd is not None:
            for process in psutil.Process(self._sshd.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            self._sshd.kill()
            self._sshd.wait(10)
        _run("ip", "link", "del", self._here)
        _run("ip", "netns", "del", self._space)
        shutil.rmtree(self.scratch, ignore_errors=True)
