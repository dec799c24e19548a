"""The words that processes share: frames of the pipes, messages of the links, the control API, shared memory."""
