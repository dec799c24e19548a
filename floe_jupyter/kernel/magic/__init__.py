"""The magics: for lines and cells, with completion, and with cells that are awaited."""
