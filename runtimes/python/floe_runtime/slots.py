"""A slot: one version of one node, loaded. Loading runs the source in a namespace of its own and finds the function."""

from collections import deque

from floe_runtime.context import Context
from floe_runtime.failures import Source
from floe_runtime.purity import keeps_nothing
from floe_runtime.state import State
from floe_runtime.values import tag, untag

PLAIN, GENERATOR, COROUTINE, ASYNC_GENERATOR = "plain", "generator", "coroutine", "async generator"
ONLY_AST = 1024  # ast.PyCF_ONLY_AST, without importing ast
VARARGS = 4
CHUNK = 256
COROUTINE_FLAG, ASYNC_GENERATOR_FLAG, GENERATOR_FLAG = 0x80, 0x200, 0x20
FUNCTION = type(lambda: None)


class LoadError(Exception):
    """The source does not define what a module needs; the text says what to do."""


class Slot:
    """What the runtime knows of one slot; see the `load` frame for the fields."""

    def __init__(self, frame, codec):
        module = frame["module"]
        self.number, self.node = frame["slot"], frame["node"]
        self.prefix = frame.get("prefix", "")
        self.skips = frame.get("on_error", "fail") == "skip"
        self.commit_each = bool(frame.get("commit_each", False))
        self.outputs = tuple(module.get("outputs", ("out",)))
        self.default = "out" if "out" in self.outputs or not self.outputs else self.outputs[0]
        self.source = Source(module)
        self.name = module["name"]
        self.state = State(codec)
        self.context = Context(self)
        self.routes = {}
        self.calls = deque()
        self.pace = 1
        """So many messages are thought to take less than a millisecond."""
        self.calm, self.shy, self.suspect = 0, 1, 0
        """How many were fast since the last slow ones, and how many it takes before the pace grows."""
        self.function = self.kind = None
        self.with_context = self.pure = False
        self.migrate = None
        self.log = None
        self.queued = self.busy = self.stopped = False
        """It waits for a turn; it is at work and must not be begun again; a call failed, and none said since from which state to
        go on."""
        self.lasting = False
        """It has written to its state: what it is given and gives must not be shared with others."""

    @property
    def most(self):
        """The largest chunk. What a generator hands to local routes is in no frame: only time bounds it."""
        return CHUNK if self.kind != GENERATOR or self.default not in self.routes else 4 * CHUNK

    @property
    def fusable(self):
        return self.kind == PLAIN

    @property
    def follows(self):
        """Whether local routes may begin here."""
        return self.kind in (PLAIN, GENERATOR)

    @property
    def asynchronous(self):
        return self.kind in (COROUTINE, ASYNC_GENERATOR)

    def leads_to(self, other):
        """Whether local routes lead from here to *other*."""
        return self is other or any(t.leads_to(other) for targets in self.routes.values() for _, t, _ in targets)

    def unroute(self, gone):
        """Forget the local routes to a slot that is no more."""
        routes = {port: [t for t in targets if t[1] is not gone] for port, targets in self.routes.items()}
        self.routes = {port: targets for port, targets in routes.items() if targets}

    def cut(self, wire):
        """Take off the local routes of the port that this wire leaves: what comes next there is returned."""
        self.routes = {port: targets for port, targets in self.routes.items() if all(target[0] != wire for target in targets)}

    def activate(self, state):
        """Take over the state of the version before, through `migrate` where there is one."""
        if self.migrate is not None:
            plain = {key: untag(value, ()) for key, value in state.items()}
            result = self.migrate(plain)
            if not isinstance(result, dict):
                raise LoadError(f"migrate(state) returned {type(result).__name__}; return the new state, a dictionary")
            state = {key: tag(value, None) for key, value in result.items()}
        self.state.replace(state)
        self.stopped = False

    def load(self):
        """Run the source. Raises whatever the source raises, or `LoadError`."""
        namespace = {"__name__": self.name, "__loader__": self.source, "__builtins__": __builtins__, "__doc__": None}
        names = self._run(namespace)
        self.function = _chosen(namespace, self.name, names)
        self.kind = _kind(self.function)
        self.with_context = _takes_context(self.function)
        self.pure = self.kind == PLAIN and not self.with_context and keeps_nothing(self.function)
        migrate = namespace.get("migrate")
        self.migrate = migrate if callable(migrate) and migrate is not self.function else None

    def _run(self, namespace):
        source = self.source
        try:
            tree = compile(source.text, source.name, "exec", ONLY_AST, True)
            code = compile(tree, source.name, "exec", 0, True)
        except (SyntaxError, ValueError) as error:
            raise _refused(error, source) from None
        exec(code, namespace)
        return [n.name for n in tree.body if type(n).__name__ in ("FunctionDef", "AsyncFunctionDef")]


def _refused(error, source):
    if not isinstance(error, SyntaxError):
        return LoadError(f"the source cannot be read: {error}")
    text = source.line(error.lineno or 0).strip()
    if text[:1] in ("%", "!", "?"):
        error = SyntaxError(f"{text.split()[0]} is for cells only; a module is plain Python: take the line out, and name "
                            "packages by --deps", (source.name, error.lineno, error.offset, error.text))
    error.source_of = source
    return error


def _chosen(namespace, name, names):
    """The function named like the module, else the last one defined."""
    own = namespace.get(name.replace("-", "_"))
    if own is None:
        own = next((namespace[n] for n in reversed(names) if n != "migrate" and n in namespace), None)
    if own is None:
        functions = [v for k, v in namespace.items() if type(v) is FUNCTION and k != "migrate" and v.__globals__ is namespace]
        own = functions[-1] if functions else None
    if own is None:
        raise LoadError(f"the module {name!r} defines no function; write `def {name.replace('-', '_')}(msg): ...`")
    if type(own) is not FUNCTION:
        raise LoadError(f"{name!r} is a {type(own).__name__}, but a module is a function; write "
                        f"`def {name.replace('-', '_')}(msg): ...`")
    return own


def _inner(function):
    """The function inside decorators that say what they wrap."""
    for _ in range(100):
        wrapped = getattr(function, "__wrapped__", None)
        if type(wrapped) is not FUNCTION:
            break
        function = wrapped
    return function


def _kind(function):
    flags = function.__code__.co_flags
    if flags & ASYNC_GENERATOR_FLAG:
        return ASYNC_GENERATOR
    if flags & COROUTINE_FLAG or _inner(function).__code__.co_flags & COROUTINE_FLAG:
        return COROUTINE
    return GENERATOR if flags & GENERATOR_FLAG else PLAIN


def _takes_context(function):
    inner = _inner(function)
    code = inner.__code__
    names = code.co_varnames[: code.co_argcount]
    needed = len(names) - len(inner.__defaults__ or ())
    only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    missing = [n for n in only if n not in (inner.__kwdefaults__ or {})]
    if missing or needed > 2 or (not names and not code.co_flags & VARARGS):
        raise LoadError(f"{inner.__name__}({', '.join(names)}) takes {needed + len(missing)} arguments; "
                        "a module's function takes the message, and the context if it wants: (msg) or (msg, ctx)")
    return len(names) >= 2 and (needed == 2 or names[1] in ("ctx", "context"))
