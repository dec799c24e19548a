"""Runners on other machines."""
