"""Tests the client with the dispatchers of the dispatcher's tests."""

from tests.dispatcher.conftest import attach, client, path, processes

__all__ = ["attach", "client", "path", "processes"]
