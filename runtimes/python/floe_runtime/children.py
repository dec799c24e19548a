"""Import of modules by the processes they spawn: `multiprocessing` with `spawn` or `forkserver`.

A spawned child starts empty and first reads a dictionary of its parent's. An entry of the dictionary runs the text of this file
in the child, with the sources of the modules (`GIVEN`). No file is written to a disk, and none is left behind. This file uses the
standard library only, and no part of `floe_runtime`.
"""

import sys
from importlib.machinery import ModuleSpec, PathFinder

PACKAGE = "floe_modules"
SPAWNERS = ("multiprocessing.spawn", "multiprocess.spawn")
TOP_LEVEL_AWAIT = 0x2000  # ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


class Finder:
    """Imports modules from `sources()`, {name: (text, file)}; prepares packages that start processes, and the packages of
    *hooks*.
    """

    def __init__(self, sources, text, hooks=None):
        self._sources, self._text = sources, text
        self._hooks = {**dict.fromkeys(SPAWNERS, self.prepare_spawning), **(hooks or {})}
        """Function called with the module of each name right after loading."""
        for name, work in self._hooks.items():
            if name in sys.modules:
                work(sys.modules[name])

    def find_spec(self, name, path=None, target=None):
        """Return the spec of a module, as every finder of `sys.meta_path`."""
        if name in self._hooks:
            return _then(PathFinder.find_spec(name, path, target), self._hooks[name])
        if name.endswith("cloudpickle.cloudpickle"):
            return _then(PathFinder.find_spec(name, path, target), _pickle_by_value)
        if name == PACKAGE:
            return ModuleSpec(name, Package(), is_package=True)
        if name.startswith(f"{PACKAGE}.") and name in (sources := self._sources()):
            return ModuleSpec(name, Loader(*sources[name]), origin=sources[name][1])
        return None

    def prepare_spawning(self, spawn):
        """Add an entry to the dictionary that `multiprocessing` sends to child processes."""
        original = spawn.get_preparation_data

        def get_preparation_data(name):
            return {**original(name), "floe": Entry(self._text, self._sources())}

        spawn.get_preparation_data = get_preparation_data


class Entry:
    """Pickles as a call that runs this file's text."""

    def __init__(self, text, sources):
        self._text, self._sources = text, sources

    def __reduce__(self):
        return exec, (self._text, {"__name__": "floe_children", "GIVEN": self._sources, "TEXT": self._text})


class Package:
    """Loader of the empty package of all modules."""

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        """Do nothing: the package is empty."""


class Loader(Package):
    """Runs a module's source as its own process does."""

    def __init__(self, text, file):
        self._text, self._file = text, file

    def get_source(self, name):
        """Return the source, for tracebacks and `inspect`."""
        return self._text

    def exec_module(self, module):
        """Run the source, including `await` at the top level."""
        module.__file__, module.__package__ = self._file, ""
        result = eval(compile(self._text, self._file, "exec", TOP_LEVEL_AWAIT, True), module.__dict__)
        if result is not None:
            import asyncio

            asyncio.run(result)


def _then(spec, work):
    """Return the spec of a module for which *work* is called as soon as the module is loaded."""
    if spec is not None and spec.loader is not None:
        spec.loader = Then(spec.loader, work)
    return spec


class Then:
    """Loader that calls *work* after loading."""

    def __init__(self, loader, work):
        self._loader, self._work = loader, work

    def create_module(self, spec):
        """Return the module of the wrapped loader."""
        return self._loader.create_module(spec)

    def exec_module(self, module):
        """Load the module with the wrapped loader, then call *work*."""
        module.__loader__ = module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._work(module)


def _pickle_by_value(cloudpickle):
    """Have cloudpickle send modules by value: other programs' workers (joblib, dask, ray) cannot import them."""
    if hasattr(cloudpickle, "register_pickle_by_value") and PACKAGE in sys.modules:
        cloudpickle.register_pickle_by_value(sys.modules[PACKAGE])


if "GIVEN" in globals():  # in a child
    sys.meta_path.insert(0, Finder(lambda: globals()["GIVEN"], globals()["TEXT"]))
