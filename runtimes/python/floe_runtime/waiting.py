"""Asynchronous functions: a task for each call, in an event loop that runs between the chunks of other functions.

Loaded with the first asynchronous module only. Within a slot a message is awaited before the next begins.
"""

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar

from floe_runtime.inputs import Given
from floe_runtime.outcomes import COROUTINE, ONE, exhaust, outcome
from floe_runtime.slots import CHUNK
from floe_runtime.texts import Unreadable
from floe_runtime.work import BUDGET

_log = ContextVar("floe_log", default=None)
_slot = ContextVar("floe_slot", default=None)
"""Number of the slot that a task works for, inherited by the task's own tasks."""


class Steps(Coroutine):
    """Coroutine with redirected outputs in place only during its own steps: many coroutines take turns in the event loop."""

    def __init__(self, coroutine, isolation, number):
        self._coroutine, self._isolation, self._number = coroutine, isolation, number

    def send(self, value):
        """Send *value* into the coroutine."""
        before = self._isolation.step_in(self._number)
        try:
            return self._coroutine.send(value)
        finally:
            self._isolation.step_out(self._number, before)

    def throw(self, *error):
        """Throw an error into the coroutine."""
        before = self._isolation.step_in(self._number)
        try:
            return self._coroutine.throw(*error)
        finally:
            self._isolation.step_out(self._number, before)

    def close(self):
        """Close the coroutine."""
        self._coroutine.close()

    def __await__(self):
        return self._coroutine.__await__()

    def __getattr__(self, name):
        return getattr(self._coroutine, name)


class _Room:
    """Result of `ctx.emit` in an asynchronous function: awaiting it waits while the flow is full."""

    def __init__(self, task):
        self._task = task

    def __await__(self):
        return self._task.room().__await__()


class Waiting:
    """Drives the tasks; `turn` runs the ready tasks."""

    def __init__(self, runtime, chunks, incoming):
        self._runtime, self._chunks, self._incoming = runtime, chunks, incoming
        self._tasks = {}
        self.running = False
        """True while asynchronous functions are at work."""
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(self._lost)
        self._loop.set_task_factory(self._make_task)
        runtime.logs.find = _log.get

    def _make_task(self, loop, coroutine, **options):
        """Make a task, wrapped in `Steps` if made on behalf of a module."""
        number = _slot.get()
        if number is not None and asyncio.iscoroutine(coroutine):
            coroutine = Steps(coroutine, self._runtime.isolation, number)
        return asyncio.Task(coroutine, loop=loop, **options)

    def _lost(self, loop, context):
        """Write the exception of a user's task without awaiter to the log."""
        error, what = context.get("exception"), context.get("message") or "in the event loop"
        if error is None:
            self._runtime.logs.write("stderr", f"{what}\n", 2)
        else:
            self._runtime.background_errors.report(f"in a task or a callback ({what})", error)

    @property
    def busy(self):
        """True if some call waits for a function, or a task or callback started by a call goes on."""
        return bool(self._tasks or asyncio.all_tasks(self._loop) or self._later())

    def begin(self, slot):
        """Work on the slot's first call."""
        call = slot.calls[0]
        if call.inputs is None and not self._chunks.open(slot, call):
            self._runtime.ready(slot)
            return
        slot.busy = True
        task = self._tasks[slot.number] = Task(self, self._chunks, slot, call)
        token = _slot.set(slot.number)
        task.asyncio_task = self._loop.create_task(task.serve())
        _slot.reset(token)

    def turn(self, block):
        """Run the ready tasks; with *block* wait until a task has news or the pipe has data."""
        if not self.busy:
            return
        if block and not any(task.news for task in self._tasks.values()):
            self._runtime.logs.flush()
            self._runtime.flush()
            self._loop.add_reader(self._incoming, self._loop.stop)
            self._run()
            self._loop.remove_reader(self._incoming)
        else:
            self._loop.call_soon(self._loop.stop)
            self._run()
        for task in list(self._tasks.values()):
            task.report()

    def _run(self):
        self._runtime.isolation.go_home()
        self.running = True
        try:
            self._loop.run_forever()
        finally:
            self.running = False

    def _later(self):
        """Return whether a callback of the user's is due some time."""
        return bool(getattr(self._loop, "_scheduled", None) or getattr(self._loop, "_ready", None))

    def watch(self):
        """Start the clock for waiting outputs."""
        self._runtime.flush_timer.watch()

    def wake(self):
        """Leave the event loop, because a task has news."""
        self._loop.stop()

    def complete(self, awaitable, take):
        """Run all tasks until *awaitable* is through; return the result, or call `take(value)` for each output."""

        async def taken(value):
            take(value)

        async def work():
            return await (awaitable if take is None else exhaust(awaitable, taken))

        task = self._loop.create_task(work())
        task.add_done_callback(lambda _: self._loop.stop())
        while not task.done():  # other callers stop the loop, too
            self._loop.run_forever()
        return task.result()

    def over(self, slot):
        """Forget a slot's finished call."""
        self._tasks.pop(slot.number, None)
        slot.busy = False
        self._runtime.ready(slot)

    def more(self, call):
        """Let the call of a `more` go on."""
        task = self._tasks.get(call.slot.number)
        if task is not None and task.call is call:
            task.open_room()

    def forget(self, slot):
        """Cancel the task of an unloaded slot where it waits."""
        task = self._tasks.pop(slot.number, None)
        if task is not None:
            task.asyncio_task.cancel()

    def has(self, slot):
        """Return whether a call of the slot is under way in the event loop."""
        return slot.number in self._tasks

    @property
    def news(self):
        """True if some call has news for a frame."""
        return any(task.news for task in list(self._tasks.values()))

    def flush_overdue(self):
        """Send the news of all tasks while a function blocks the event loop."""
        for task in list(self._tasks.values()):
            if not task.done:
                task.report()

    def told(self, slot):
        """Note an output given by another thread."""
        task = self._tasks.get(slot.number)
        if task is not None:
            self._loop.call_soon_threadsafe(task.tell)

    def emit(self, slot, port, value):
        """Carry out `ctx.emit` of an asynchronous function."""
        task = self._tasks[slot.number]
        self._chunks.record_for_user(slot, task.call, slot.current.given, port, value)
        task.tell()
        return _Room(task)


class Task:
    """Call of an asynchronous function."""

    def __init__(self, waiting, chunks, slot, call):
        self.slot, self.call = slot, call
        self.news = False
        self._waiting, self._chunks = waiting, chunks
        self._given, self._changes = Given(call.at), {}
        self.done = False
        self._room = None
        self.asyncio_task = None

    async def serve(self):
        """Handle all messages of the call in order."""
        _log.set(self.slot.log)
        call, given, loop = self.call, self._given, asyncio.get_running_loop()
        self.slot.current.begin(call.inputs, given)
        self.slot.enter()
        until = loop.time() + BUDGET
        while given.failure is None and not call.ended:
            at = given.start + len(given.results)
            if at >= call.n or call.recalled:
                break
            try:
                await self._one(call.inputs.values[at])
            except asyncio.CancelledError as error:
                if call.ended:
                    return
                self._failed(error)
            except BaseException as error:
                self._failed(error)
            self.slot.current.end()
            call.given_since = 0
            self.tell()
            if len(given.results) + len(given.emits) >= CHUNK or loop.time() > until:
                await asyncio.sleep(0)
                until = loop.time() + BUDGET
        self.done = True
        self.tell()

    def _failed(self, error):
        if not self.call.ended:  # else it was cancelled, and raised this on its way out
            self._chunks.worker.fail(self.slot, self.call.inputs, self._given, error)

    async def _one(self, message):
        if type(message) is Unreadable:
            raise message.error
        slot, given = self.slot, self._given
        result, self.call.generator = self.call.generator, None
        if result is None:
            result = slot.function(message, slot.current.context()) if slot.with_context else slot.function(message)
        if type(result) is COROUTINE:
            result = await result
        if outcome(result) != ONE:
            await exhaust(result, self._take)
        elif result is not None:
            self._chunks.record(slot, self.call, given, slot.default, result)
        self._chunks.through(slot, self.call, given, self._changes)

    async def _take(self, value):
        if value is not None:
            self._chunks.record(self.slot, self.call, self._given, self.slot.default, value)
            self.tell()
            await self.room()

    def tell(self):
        """Note news for a frame."""
        if self.news:
            return
        self.news = True
        self._waiting.watch()
        self._waiting.wake()

    async def room(self):
        """Wait while a window of outputs is used up; let other tasks go on now and then."""
        if self.call.waits:
            self._room = asyncio.get_running_loop().create_future()
            await self._room
        elif len(self._given.emits) >= CHUNK:
            await asyncio.sleep(0)

    def open_room(self):
        """Wake the function: the window is open again."""
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def report(self):
        """Send the news."""
        if not self.news:
            return
        self.news = False
        given, call = self._given, self.call
        if given.results or given.emits or self.done or given.skipped:
            with self.slot.current.taking():
                self._chunks.finish(self.slot, call, given, self._changes, under_way=not self.done)
        if self.done or call.ended:
            if not self.done:
                self.asyncio_task.cancel()
            self._waiting.over(self.slot)
