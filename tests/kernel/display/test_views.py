"""What is drawn of a run, and when; with a clock of our own."""

from types import SimpleNamespace

from floe_jupyter.core.machine.events import NodeView, View
from floe_jupyter.kernel.display.views import LiveView, NoView, front_end_view, line_of


def seen(taken):
    return View("co2", 1, (NodeView("read", "python", "busy", 1, taken=taken),), (), {1: "active"}, results=taken)


class Recorder(LiveView):
    """Writes down what it would draw."""

    def __init__(self, session, clock):
        super().__init__(session, clock)
        self.drawn, self.erased = [], 0

    def _draw(self, run, view, work):
        self.drawn.append((view.results, work))

    def _erase(self):
        self.erased += 1


class World:
    """A session whose dispatcher publishes what the test says."""

    def __init__(self):
        self.now, self.listeners = 0.0, {}
        self.client = self
        self.view = Recorder(self, lambda: self.now)
        self.run = SimpleNamespace(ref="co2.1.local.1", info=SimpleNamespace(instance="co2.1.local.1"), snapshot=lambda: seen(1))
        self.view.follow(self.run)

    def subscribe(self, topic, listener):
        self.listeners[topic] = listener
        return lambda: self.listeners.pop(topic)


def test_a_short_run_draws_nothing_and_asks_nobody():
    world = World()
    world.now = 0.9
    world.view.tick()
    world.view.close()
    assert (world.view.drawn, world.view.erased, world.listeners) == ([], 0, {})


def test_a_longer_run_is_drawn_when_something_changed_and_erased_at_the_end():
    world = World()
    world.now = 1.5
    for taken in (2, 2, 3):
        world.view.tick()
        world.view.tick()
        world.listeners["view/co2.1.local.1"]("view/co2.1.local.1", seen(taken))
    world.view.tick()
    world.view.close()
    assert [results for results, _ in world.view.drawn] == [1, 2, 3]
    assert (world.view.erased, world.listeners) == (1, {})


def test_what_is_being_prepared_is_shown_until_it_is_done():
    world = World()
    world.now = 2.0
    world.view.tick()
    world.listeners["progress/"]("progress/", {"what": "parse", "text": "resolving numpy", "done": False})
    world.view.tick()
    world.listeners["progress/"]("progress/", {"what": "parse", "text": "", "done": True})
    world.view.tick()
    assert [work for _, work in world.view.drawn] == [{}, {"parse": "resolving numpy"}, {}]


def test_the_line_of_a_terminal():
    assert (
        line_of("co2.1.local.1", seen(2_000), {"parse": "installing"})
        == "co2.1.local.1: read 2,000, 2,000 results; parse: installing"
    )


def test_nobody_who_cannot_see_it_gets_a_live_view(monkeypatch):
    monkeypatch.setenv("FLOE_VIEW", "static")
    assert isinstance(front_end_view(SimpleNamespace(kernel=object()), None), NoView)
    monkeypatch.delenv("FLOE_VIEW")
    program = SimpleNamespace(get_parent=lambda channel: {"metadata": {}})
    assert isinstance(front_end_view(SimpleNamespace(kernel=program), None), NoView)
    person = SimpleNamespace(get_parent=lambda channel: {"metadata": {"cellId": "a"}})
    assert not isinstance(front_end_view(SimpleNamespace(kernel=person), None), NoView)
