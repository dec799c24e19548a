"""Environments: dependencies of modules, resolved once and installed once."""
