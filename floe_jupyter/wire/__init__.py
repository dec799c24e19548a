"""Protocols between processes: frames of pipes, messages of links, the control API and shared memory."""
