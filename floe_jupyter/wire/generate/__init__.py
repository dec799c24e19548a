"""Generators of the JSON schema of frames and of the TypeScript types of the control API."""
