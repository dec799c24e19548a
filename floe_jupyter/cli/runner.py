"""The command ``floe runner``: this machine joins the dispatcher of another one, and runs flows for it."""

from __future__ import annotations

import os

import click
import msgspec

from floe_jupyter.cli.sessions import ending
from floe_jupyter.errors import DefinitionError, EnvironmentFailed
from floe_jupyter.wire.join_files import JoinFile, is_key, new_pair, read_join_file, write_private
from floe_jupyter.wire.joining import LEASE


@click.command()
@click.option("--connect", default="", metavar="tcp://HOST:PORT", help="the dispatcher's address (default: the join file's)")
@click.option(
    "--key", default="", metavar="FILE", help="join file, which `floe keys add NAME` writes on the dispatcher's machine"
)
@click.option("--server", default="", metavar="KEY", help="the dispatcher's public key, for a join file of --new-key")
@click.option("--lease", default=LEASE, metavar="SECONDS", help="how long runners are kept while the connection is gone")
@click.option("--new-key", default="", metavar="FILE", help="make a join file here, print its public key, and end")
def runner(connect: str, key: str, server: str, lease: float, new_key: str) -> None:
    """Join the dispatcher of another machine, which then runs flows here with --runner join:NAME."""
    with ending():
        if new_key:
            _make(new_key)
            return
        if not key:
            raise DefinitionError("--key FILE is missing: `floe keys add NAME` on the dispatcher's machine writes the file")
        _join(connect, key, server, lease)


def _make(path: str) -> None:
    made = new_pair()
    try:
        if os.path.exists(path):
            raise DefinitionError(f"{path} exists already; choose another name")
        write_private(path, msgspec.json.encode(made))
    except OSError as error:
        raise EnvironmentFailed(f"{path} cannot be written: {error.strerror}") from error
    click.echo(f"{path} written. On the dispatcher's machine: floe keys add NAME {made.public}")


def _join(connect: str, path: str, server: str, lease: float) -> None:
    file = read_join_file(path)
    file.server = server or file.server
    file.endpoint = connect or file.endpoint
    _check(file, path)
    if server:
        write_private(path, msgspec.json.encode(file))  # its runners read the file
    from floe_jupyter.runner.joining.process import JoiningProcess

    JoiningProcess(file.endpoint, path, file, lease, click.echo).run()


def _check(file: JoinFile, path: str) -> None:
    if not file.endpoint.startswith("tcp://"):
        raise DefinitionError("the dispatcher's address is missing: --connect tcp://HOST:PORT (`floe keys` there shows the port)")
    if not file.secret:
        raise DefinitionError(f"{path} has no secret key: use the file of --new-key, with --server {file.server}")
    if not is_key(file.server):
        raise DefinitionError("the dispatcher's public key is missing: --server KEY (`floe keys add` shows it)")
