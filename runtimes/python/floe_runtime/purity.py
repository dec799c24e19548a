"""Check whether a function can keep state from a message to the next, as far as its code shows.

A function that keeps none may be called for many messages before its results become text. Results of all other functions become
text at once, because the function may change a result while it handles the next message. In doubt the answer is no.
"""

import sys
from opcode import opmap

from floe_runtime.values import PLAIN

CODE = type((lambda: None).__code__)
MODULE, BUILT_IN = type(sys), type(len)
WRITES = frozenset(opmap[name] for name in ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_ATTR", "IMPORT_NAME") if name in opmap)
REACHING = frozenset(
    {
        "globals",
        "vars",
        "eval",
        "exec",
        "setattr",
        "__import__",
        "__dict__",
        "__globals__",
        "__defaults__",
        "__code__",
        "__closure__",
        "__self__",
        "__class__",
        "__setattr__",
    }
)


def keeps_nothing(function):
    """Return True if the function has no closure, no mutable default, and reaches only built-ins and the standard library."""
    defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    if function.__closure__ or function.__dict__ or not all(type(value) in PLAIN for value in defaults):
        return False
    return _fixed(function.__code__, function.__globals__)


def _fixed(code, namespace):
    if not WRITES.isdisjoint(code.co_code[::2]):
        return False
    for name in code.co_names:
        if name in REACHING or (name in namespace and not _harmless(namespace[name])):
            return False
    return all(_fixed(inner, namespace) for inner in code.co_consts if type(inner) is CODE)


def _harmless(value):
    if type(value) is MODULE:
        return value.__name__.partition(".")[0] in sys.stdlib_module_names and value.__name__ != "sys"
    return type(value) in PLAIN or (type(value) is BUILT_IN and value.__module__ in sys.stdlib_module_names)
