"""Watched candidates for a condition: whether the condition holds for any is known without a search of all objects."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Watch(Generic[T]):
    """Candidates for a condition, in the order of adding.

    Code that makes the condition true adds the candidate; the end of the condition is not reported. `bool` removes candidates
    which no longer fulfil the condition from the head, so each candidate is examined once per `add`.
    """

    __slots__ = ("_candidates", "_holds", "_known")

    def __init__(self, holds: Callable[[T], bool]) -> None:
        self._candidates: deque[T] = deque()
        self._known: set[T] = set()
        self._holds = holds

    def add(self, candidate: T) -> None:
        """Examine a candidate from now on."""
        if candidate not in self._known:
            self._known.add(candidate)
            self._candidates.append(candidate)

    def __bool__(self) -> bool:
        candidates, holds = self._candidates, self._holds
        while candidates and not holds(candidates[0]):
            self._known.discard(candidates.popleft())
        return bool(candidates)

    def __iter__(self) -> Iterator[T]:
        return (candidate for candidate in self._candidates if self._holds(candidate))
