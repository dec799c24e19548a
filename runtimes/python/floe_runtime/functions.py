"""The function of a module: which of its callables, with which parameters, and whether sure to return when called.

Any callable will do: a function, decorated or not, a partial, a bound method, an object with `__call__`, a built-in. A class
defined by the module will not: class instances are no messages.
"""

COROUTINE, ASYNC_GENERATOR, GENERATOR = 0x80, 0x200, 0x20
"""Flags of code objects."""
SUSPENDS = COROUTINE | ASYNC_GENERATOR | GENERATOR
VARARGS = 4
FUNCTION = type(lambda: None)
METHOD = type((lambda self: None).__get__(0))


class LoadError(Exception):
    """Error for a source without a usable function; the text names the cure."""


def chosen(namespace, name, names):
    """Return the callable named like the module, or the last function defined, or the last callable assigned."""
    own = namespace.get(name.replace("-", "_"))
    if own is None or not callable(own) or isinstance(own, type):
        own = _defined(namespace, *names) or own
    write = f"write `def {name.replace('-', '_')}(msg): ...`"
    if own is None:
        raise LoadError(f"the module {name!r} defines no function; {write}")
    if isinstance(own, type) and own.__module__ == namespace["__name__"]:
        raise LoadError(
            f"{name!r} is a class, but a module is a function, or an object that can be called: {write}, or make "
            f"an object of it that has `def __call__(self, msg)`"
        )
    if not callable(own):
        raise LoadError(f"{name!r} is a {type(own).__name__}, but a module is a function; {write}")
    return own


def _defined(namespace, functions, assigned):
    """Return the last function defined, or the last callable assigned; None if neither exists."""
    named = [namespace[n] for n in functions if n != "migrate" and callable(namespace.get(n))]
    inner = [v for k, v in namespace.items() if type(v) is FUNCTION and k != "migrate" and v.__globals__ is namespace]
    others = [v for v in map(namespace.get, assigned) if callable(v) and not isinstance(v, type)]
    return next((found[-1] for found in (named, inner, others) if found), None)


def direct(function):
    """Return the plain function called in the end, through partials, methods and `__call__`; None if unknown."""
    for _ in range(100):
        if type(function) is FUNCTION:
            return function
        if type(function) is METHOD:
            function = function.__func__
        elif type(function).__name__ == "partial" and hasattr(function, "func"):
            function = function.func
        else:
            return _called(type(function))
    return None


def _called(kind):
    call = next((vars(base)["__call__"] for base in kind.__mro__ if "__call__" in vars(base)), None)
    return call if type(call) is FUNCTION else None


def inside(function):
    """Return the function inside decorators that set `__wrapped__`."""
    for _ in range(100):
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is None:
            break
        function = wrapped
    return function


def flags(function):
    """Return the flags of a coroutine function, an asynchronous generator or a generator; 0 if none of the three for sure."""
    plain = direct(function)
    return 0 if plain is None else plain.__code__.co_flags & SUSPENDS


def returns(function):
    """Return whether a call gives the final result when it returns, as far as the code of function and decorators shows."""
    inner = direct(inside(function))
    return not flags(function) and (inner is None or not inner.__code__.co_flags & SUSPENDS)


def takes_context(function):
    """Return whether the function takes `ctx` behind the message. Raises `LoadError` for other parameters."""
    inner = inside(function)
    name = getattr(inner, "__name__", type(inner).__name__)
    names, needed, missing, many = _parameters(inner) if type(inner) is FUNCTION else _signature(inner)
    if missing or needed > 2 or (not names and not many):
        raise LoadError(
            f"{name}({', '.join(names)}) takes {needed + missing} arguments; "
            "a module's function takes the message, and the context if it wants: (msg) or (msg, ctx)"
        )
    return len(names) >= 2 and (needed == 2 or names[1] in ("ctx", "context"))


def _parameters(function):
    """Return (names of the positional parameters, number needed, number of needed others, whether any number is taken)."""
    code = function.__code__
    names = code.co_varnames[: code.co_argcount]
    only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    missing = sum(n not in (function.__kwdefaults__ or {}) for n in only)
    return names, len(names) - len(function.__defaults__ or ()), missing, bool(code.co_flags & VARARGS)


def _signature(function):
    """Return the same for other callables; a callable without a signature takes the message."""
    import inspect

    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ("msg",), 1, 0, False
    if isinstance(function, type):
        return ("msg",), 1, 0, False
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = sum(p.default is p.empty for p in positional)
    missing = sum(p.kind is p.KEYWORD_ONLY and p.default is p.empty for p in parameters)
    return tuple(p.name for p in positional), needed, missing, any(p.kind is p.VAR_POSITIONAL for p in parameters)
