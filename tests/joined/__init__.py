"""Runners of other machines that join by key."""
