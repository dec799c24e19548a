"""Module objects of slots, as `import` makes them: in `sys.modules`, where dataclasses, pickles and child processes look.

Their names are ``floe_modules.NAME``: a module called `json` must not hide the library's, and the name tells whose module it is.
Slots of the same name (two nodes of a module, two versions) share the entry, which is the module of the slot at work, to let each
find its own classes; otherwise the newest module.
"""

import sys

from floe_runtime.children import PACKAGE, TOP_LEVEL_AWAIT, Finder

ONLY_AST = 1024  # ast.PyCF_ONLY_AST, without importing ast
MODULE = type(sys)

_all = {}
"""All modules by name (as keys), the newest last."""
hooks = {}
"""Function called with the library module of each name right after loading."""
_read = {}
KEPT = 16
"""Maximum number of compiled sources kept."""


def make(name, source):
    """Return the new empty module, entered in `sys.modules`."""
    if not _all:
        _install()
    module = MODULE(f"{PACKAGE}.{name}")
    module.__dict__.update(__loader__=source, __file__=source.name, __package__="", __builtins__=__builtins__)
    _all.setdefault(module.__name__, {})[module] = None
    sys.modules[module.__name__] = module
    if "linecache" in sys.modules:
        sys.modules["linecache"].cache.pop(source.name, None)  # an earlier text may have had the same name
    return module


def leave(module):
    """Remove the module of an unloaded slot: its name falls to the newest module left."""
    name = module.__name__
    others = _all.get(name, {})
    others.pop(module, None)
    if others:
        sys.modules[name] = _newest(others)
    else:
        _all.pop(name, None)
        sys.modules.pop(name, None)


def _newest(modules):
    return next(reversed(modules))


def read(source):
    """Return (code, (names bound by `def` at the top level, names assigned at the top level)). Raises SyntaxError or ValueError.

    Many nodes may use the same module: the sources read last are kept.
    """
    key = source.text, source.name
    if key not in _read:
        if len(_read) >= KEPT:
            del _read[next(iter(_read))]
        _read[key] = _compiled(source)
    return _read[key]


def _compiled(source):
    tree = compile(source.text, source.name, "exec", ONLY_AST | TOP_LEVEL_AWAIT, True)
    functions = [n.name for n in tree.body if type(n).__name__ in ("FunctionDef", "AsyncFunctionDef")]
    assigned = [t.id for n in tree.body if type(n).__name__ == "Assign" for t in n.targets if type(t).__name__ == "Name"]
    return compile(tree, source.name, "exec", TOP_LEVEL_AWAIT, True), (functions, assigned)


def _sources():
    """Return {name: (text, file)} for child processes."""
    return {name: (_newest(modules).__loader__.text, _newest(modules).__file__) for name, modules in _all.items()}


def _install():
    if PACKAGE not in sys.modules:
        package = sys.modules[PACKAGE] = MODULE(PACKAGE)
        package.__path__ = []
        with open(sys.modules[Finder.__module__].__file__, encoding="utf-8") as file:
            sys.meta_path.insert(0, Finder(_sources, file.read(), hooks))
