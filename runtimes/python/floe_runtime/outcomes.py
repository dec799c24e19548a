"""Kinds of results, independent of the function's kind: a value, many values, or an awaitable.

An iterator is many outputs (a generator, `map`, a file: any object that is its own `iter()`); a list or a tuple is a single
value. Results for `await` or `async for` are left to the event loop.
"""

from floe_runtime.values import PLAIN

ONE, MANY, LATER = 0, 1, 2
GENERATOR = type(_ for _ in ())


async def _coroutine():
    """Serve only as the source of the coroutine type."""


_example = _coroutine()
COROUTINE = type(_example)
_example.close()


def outcome(result):
    """Return how *result* goes on: ONE, MANY or LATER."""
    kind = type(result)
    if kind in PLAIN:
        return ONE
    if kind is GENERATOR:
        return MANY if not result.gi_code.co_flags & 0x100 else LATER  # CO_ITERABLE_COROUTINE: of types.coroutine
    if hasattr(kind, "__await__") or (hasattr(kind, "__anext__") and hasattr(kind, "__aiter__")):
        return LATER
    return MANY if hasattr(kind, "__next__") and hasattr(kind, "__iter__") else ONE


async def exhaust(result, take):
    """Wait for *result*, and for the values that come of it; `take(value)` gets every output."""
    while outcome(result) == LATER and not hasattr(type(result), "__anext__"):
        result = await result
    if hasattr(type(result), "__anext__"):
        async for value in result:
            await take(value)
    elif outcome(result) == MANY:
        for value in result:
            await take(value)
    else:
        await take(result)
