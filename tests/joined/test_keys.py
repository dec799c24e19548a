"""Keys, as users list, add and revoke them; no port is open by default, and no secret leaves its file."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from floe_jupyter.errors import DefinitionError, UnknownName
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.join_files import read_join_file
from tests.dispatcher.kit import define
from tests.joined.kit import LAB, Joined
from tests.remote.flows import done


def floe(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "floe_jupyter.cli", *arguments], capture_output=True, text=True, timeout=30)


def test_no_port_is_open_until_asked_and_none_afterwards(client: Client) -> None:
    process = psutil.Process(client.pid)
    listening = lambda: [c for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN]  # noqa: E731
    assert not listening()
    client.call("add_key", name="lab1")
    assert not listening()
    assert client.call("listen_for_runners", endpoint="tcp://127.0.0.1:0")["listens"].startswith("tcp://127.0.0.1:")
    assert len(listening()) == 1
    client.call("listen_for_runners", endpoint="off")
    assert not listening()


def test_the_local_path_imports_nothing_of_it() -> None:
    program = (
        "import sys; from floe_jupyter.dispatcher.dispatcher import Dispatcher; import floe_jupyter.runner.runner;"
        "names = 'wire.transport.curve', 'wire.joining', 'wire.join_files', 'launchers.join.server', 'zmq.auth', 'runner.joining';"
        "print([name for name in sys.modules if name.endswith(names)])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "[]"


def test_a_user_adds_lists_and_revokes_keys_in_a_terminal(client: Client) -> None:
    added = floe("keys", "add", "lab1", "--listen", "tcp://127.0.0.1:0")
    assert added.returncode == 0, added.stderr
    port = client.call("keys")["listens"].rpartition(":")[2]
    assert f"floe runner --connect tcp://127.0.0.1:{port} --key lab1.join" in added.stdout
    assert "--runner join:lab1" in added.stdout
    listed = floe("keys", "--json")
    assert '"join:lab1"' in listed.stdout
    assert "never connected" in floe("keys").stdout
    assert floe("keys", "revoke", "lab1").returncode == 0
    assert client.call("keys")["keys"] == []
    wrong = floe("keys", "rovoke", "lab1")
    assert wrong.returncode != 0
    assert "revoke" in wrong.stderr


def test_a_key_made_on_the_other_machine_never_leaves_it(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "own.join"
    made = floe("runner", "--new-key", str(file))
    public = made.stdout.split()[-1]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secret = read_join_file(str(file)).secret
    assert secret not in made.stdout
    added = floe("keys", "add", "lab1", public, "--listen", "tcp://127.0.0.1:0")
    assert added.returncode == 0, added.stderr
    command = next(line for line in added.stdout.splitlines() if "floe runner" in line).split("floe runner ")[1].split()
    server = command[command.index("--server") + 1]
    joined = Joined(client, "lab1", str(file), connect=client.call("keys")["listens"], more=("--server", server))
    try:
        joined.wait("connected")
        define(client, echo="def echo(v): return v")
        assert done(client, LAB, [1]) == [1]
    finally:
        joined.end()


def test_files_are_private_and_no_secret_is_in_logs_arguments_variables_or_answers(
    client: Client, joined: Joined, path: str
) -> None:
    define(client, echo="def echo(v): return v")
    assert done(client, LAB, [1]) == [1]
    data = Path(f"{path}.data")
    files = [*(data / "keys").iterdir()]
    assert len(files) == 2
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((data / "keys").stat().st_mode) == 0o700
    secrets = [read_join_file(joined.file).secret, *_values((data / "keys" / "keys.json").read_text(), "secret")]
    assert len(secrets) == 2
    seen = [(data / "dispatcher.log").read_text(), joined.said, str(client.call("keys")), str(client.call("status"))]
    for process in (psutil.Process(client.pid), *psutil.Process(client.pid).children(recursive=True), *joined.all()):
        seen += [" ".join(process.cmdline()), str(process.environ())]
    assert not [text for text in seen for secret in secrets if secret in text]


def _values(text: str, name: str) -> list[str]:
    return [line.split('"')[3] for line in text.splitlines() if f'"{name}"' in line]


def test_a_join_file_that_others_may_read_is_refused(client: Client) -> None:
    file = client.call("add_key", name="lab1")["file"]
    os.chmod(file, 0o644)
    refused = floe("runner", "--connect", "tcp://127.0.0.1:1", "--key", file)
    assert refused.returncode == 2
    assert f"chmod 600 {file}" in refused.stderr


@pytest.mark.parametrize("name", ["", "Lab", "a/b", "../x", "x" * 65, "a b"])
def test_a_name_that_is_none_is_refused(client: Client, name: str) -> None:
    with pytest.raises(DefinitionError, match="names no key"):
        client.call("add_key", name=name)


def test_a_key_or_name_twice_a_bad_key_and_a_bad_address_are_refused(client: Client) -> None:
    public = read_join_file(client.call("add_key", name="lab1")["file"]).public
    for arguments, words in (
        ({"name": "lab1"}, "floe keys revoke lab1"),
        ({"name": "lab2", "public": public}, "listed already, as lab1"),
        ({"name": "lab2", "public": "ff"}, "floe runner --new-key FILE"),
        ({"name": "lab2", "listen": "ipc:///tmp/x"}, "tcp://0.0.0.0:7711"),
    ):
        with pytest.raises(DefinitionError, match=words):
            client.call("add_key", **arguments)
    with pytest.raises(UnknownName, match="lab1"):
        client.call("revoke_key", name="lab")
