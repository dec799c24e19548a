"""Words of a magic's line. Blanks inside quotes and brackets do not separate words, so that Python expressions need no quoting.
A word that begins with ``#`` begins a comment, as in a shell.
"""

from __future__ import annotations

from floe_jupyter.errors import DefinitionError

CLOSES = {"(": ")", "[": "]", "{": "}"}


def split(line: str) -> list[str]:
    """Return the words of a line up to a comment, quotes kept.

    >>> split('run co2 --input [1, 2] --when "msg > 1"')
    ['run', 'co2', '--input', '[1, 2]', '--when', '"msg > 1"']
    >>> split('logs a#b   # what it said')
    ['logs', 'a#b']
    """
    words: list[str] = []
    word, at = "", 0
    while at < len(line):
        char = line[at]
        if char.isspace():
            words, word, at = ([*words, word] if word else words), "", at + 1
        elif char == "#" and not word:
            return words
        elif char in "\"'" and _opens(word):
            end = _quoted(line, at)
            word, at = word + line[at:end], end
        elif char in CLOSES:
            end = _bracketed(line, at)
            word, at = word + line[at:end], end
        else:
            word, at = word + char, at + 1
    return [*words, word] if word else words


def _opens(word: str) -> bool:
    """Return True if a quote behind *word* opens a string: not for an apostrophe inside a plain word (``don't``), but behind a
    sign or a prefix such as ``f``.
    """
    return not word or not word[-1].isalnum() or word.lower() in ("f", "r", "b", "rb", "br", "fr", "rf", "u")


def _quoted(line: str, start: int) -> int:
    """Return the index behind the quote that closes the quote at *start*."""
    mark = line[start]
    at = start + 1
    while at < len(line):
        if line[at] == "\\":
            at += 1
        elif line[at] == mark:
            return at + 1
        at += 1
    raise DefinitionError(f"column {start + 1}: this quote is not closed: {line[start : start + 20]}")


def _bracketed(line: str, start: int) -> int:
    """Return the index behind the bracket that closes the bracket at *start*."""
    open_, at = [line[start]], start + 1
    while at < len(line):
        char = line[at]
        if char in "\"'":
            at = _quoted(line, at)
            continue
        if char in CLOSES:
            open_.append(char)
        elif char in CLOSES.values():
            if CLOSES[open_.pop()] != char:
                raise DefinitionError(f"column {at + 1}: {char!r} closes a bracket that was not opened")
            if not open_:
                return at + 1
        at += 1
    raise DefinitionError(f"column {start + 1}: this bracket is not closed: {line[start : start + 20]}")


def unquote(word: str) -> str:
    """Return a word without the quotes around the word.

    >>> unquote('"numpy>=2"')
    'numpy>=2'
    """
    if len(word) >= 2 and word[0] in "\"'" and word[0] == word[-1] and _quoted(word, 0) == len(word):
        return word[1:-1].replace("\\" + word[0], word[0])
    return word
