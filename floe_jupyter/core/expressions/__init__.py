"""The expression language of conditions, keys and edits: a bounded subset of Python, compiled to closures."""
