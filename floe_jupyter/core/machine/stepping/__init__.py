"""Requests of people who debug: breakpoints, pause, steps forward and back, and edits of waiting messages."""
