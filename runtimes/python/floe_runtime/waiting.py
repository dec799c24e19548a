"""Asynchronous functions: one task for each call, in an event loop that runs between the chunks of the others.

Loaded with the first such module only. Within a slot a message is awaited before the next one begins.
"""

import asyncio
from contextvars import ContextVar

from floe_runtime.parcels import Given
from floe_runtime.slots import ASYNC_GENERATOR, CHUNK
from floe_runtime.texts import Unreadable
from floe_runtime.work import BUDGET

_log = ContextVar("floe_log", default=None)


class _Room:
    """What `ctx.emit` returns in an asynchronous function: awaiting it waits while the flow is full."""

    def __init__(self, task):
        self._task = task

    def __await__(self):
        return self._task.room().__await__()


class Waiting:
    """Drives the tasks; `turn` runs what is ready."""

    def __init__(self, runtime, chunks, incoming):
        self._runtime, self._chunks, self._incoming = runtime, chunks, incoming
        self._tasks = {}
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(self._lost)
        runtime.logs.find = _log.get

    def _lost(self, loop, context):
        """An exception in a task of the user's that nobody awaits: its text goes to the log."""
        error = context.get("exception")
        self._runtime.logs.write("stderr", f"{context.get('message')}: {error!r}\n", 2)

    @property
    def busy(self):
        """Whether some call waits for its function."""
        return bool(self._tasks)

    def begin(self, slot):
        """Work on the slot's first call."""
        call = slot.calls[0]
        if call.parcel is None and not self._chunks.open(slot, call):
            self._runtime.ready(slot)
            return
        slot.busy = True
        task = self._tasks[slot.number] = Task(self, self._chunks, slot, call)
        task.asyncio_task = self._loop.create_task(task.serve())

    def turn(self, block):
        """Run what is ready; with *block* until a task has something, or the pipe."""
        if not self._tasks and not asyncio.all_tasks(self._loop):
            return
        if block and not any(task.news for task in self._tasks.values()):
            self._runtime.logs.flush()
            self._runtime.flush()
            self._loop.add_reader(self._incoming, self._loop.stop)
            self._loop.run_forever()
            self._loop.remove_reader(self._incoming)
        else:
            self._loop.call_soon(self._loop.stop)
            self._loop.run_forever()
        for task in list(self._tasks.values()):
            task.report()

    def wake(self):
        """Some task has news: leave the event loop."""
        self._loop.stop()

    def over(self, slot):
        """The slot's call is through."""
        self._tasks.pop(slot.number, None)
        slot.busy = False
        self._runtime.ready(slot)

    def more(self, call):
        """`more` came for a call."""
        task = self._tasks.get(call.slot.number)
        if task is not None and task.call is call:
            task.open_room()

    def forget(self, slot):
        """The slot was unloaded: its function ends where it waits."""
        task = self._tasks.pop(slot.number, None)
        if task is not None:
            task.asyncio_task.cancel()

    def emit(self, slot, given, port, value):
        """`ctx.emit` of an asynchronous function."""
        task = self._tasks[slot.number]
        self._chunks.record_for_user(slot, task.call, given, port, value)
        task.tell()
        return _Room(task)


class Task:
    """A call of an asynchronous function."""

    def __init__(self, waiting, chunks, slot, call):
        self.slot, self.call = slot, call
        self.news = False
        self._waiting, self._chunks = waiting, chunks
        self._given, self._changes = Given(call.at), {}
        self._done = False
        self._room = None
        self.asyncio_task = None

    async def serve(self):
        """All messages of the call, one after the other."""
        _log.set(self.slot.log)
        call, given, loop = self.call, self._given, asyncio.get_running_loop()
        self.slot.context.under_way(call.parcel, given)
        until = loop.time() + BUDGET
        while given.failure is None and not call.ended:
            at = given.start + len(given.results)
            if at >= call.n or call.recalled:
                break
            try:
                await self._one(call.parcel.values[at])
            except asyncio.CancelledError as error:
                if call.ended:
                    return
                self._failed(error)
            except BaseException as error:
                self._failed(error)
            call.given_since = 0
            self.tell()
            if len(given.results) + len(given.emits) >= CHUNK or loop.time() > until:
                await asyncio.sleep(0)
                until = loop.time() + BUDGET
        self._done = True
        self.tell()

    def _failed(self, error):
        if not self.call.ended:  # else it was cancelled, and raised this on its way out
            self._chunks.worker.fail(self.slot, self.call.parcel, self._given, error)

    async def _one(self, message):
        if type(message) is Unreadable:
            raise message.error
        slot, given = self.slot, self._given
        outcome = slot.function(message, slot.context) if slot.with_context else slot.function(message)
        if slot.kind == ASYNC_GENERATOR:
            async for value in outcome:
                if value is not None:
                    self._chunks.record(slot, self.call, given, slot.default, value)
                    self.tell()
                    await self.room()
        else:
            result = await outcome if hasattr(outcome, "__await__") else outcome
            if result is not None:
                self._chunks.record(slot, self.call, given, slot.default, result)
        self._chunks.through(slot, self.call, given, self._changes)

    def tell(self):
        """There is something for a frame."""
        self.news = True
        self._waiting.wake()

    async def room(self):
        """Wait while a window of outputs is used up; let others go on now and then."""
        if self.call.waits:
            self._room = asyncio.get_running_loop().create_future()
            await self._room
        elif len(self._given.emits) >= CHUNK:
            await asyncio.sleep(0)

    def open_room(self):
        """The window is open again."""
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def report(self):
        """Send what is new."""
        if not self.news:
            return
        self.news = False
        given, call = self._given, self.call
        if given.results or given.emits or self._done or given.skipped:
            self._chunks.finish(self.slot, call, given, self._changes, under_way=not self._done)
        if self._done or call.ended:
            if not self._done:
                self.asyncio_task.cancel()
            self._waiting.over(self.slot)
