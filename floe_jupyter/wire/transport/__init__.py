"""Transports: stream sockets, ZeroMQ sockets, and envelopes that are sent again when lost."""
