"""Meaning of a `flow` argument: an instance, a run, or the newest instance of a flow in a workspace."""

from __future__ import annotations

from floe_jupyter.core.flow.model import Flow
from floe_jupyter.dispatcher.runs.history import History
from floe_jupyter.dispatcher.runs.instances import KnownInstance
from floe_jupyter.dispatcher.runs.workspaces import Space, Spaces
from floe_jupyter.errors import DefinitionError


class Names:
    """Base of the hub: lookup of flows, instances and runs by name."""

    spaces: Spaces
    history: History
    instances: dict[str, KnownInstance]
    living: dict[str, dict[str, KnownInstance]]
    """Instances with a machine, by workspace and name. Excludes ended instances, kept much longer and looked up much less."""

    def instance_of(self, space: Space, name: str, *, alive: bool = True) -> KnownInstance:
        """Return the instance meant by a `flow` argument. Raises `UnknownName`; `DefinitionError` if *alive* and ended."""
        found = self._instance_of(space, name)
        if name in ("", found.flow.name):
            found = self._acting(space, found)
        if alive and found.ended:
            status = f" ({run.status})" if (run := found.newest) is not None else ""
            raise DefinitionError(
                f"{found.name} is over{status}: its messages cannot be stepped or changed any more; run it "
                "again, with --debug to look into it"
            )
        return found

    def _acting(self, space: Space, newest: KnownInstance) -> KnownInstance:
        """Return the instance of a flow to act upon: the newest with held messages, else the newest alive."""
        alive = self.alive(space, newest.flow.name)
        holding = [instance for instance in alive if instance.view is not None and instance.view.held]
        return next(reversed(holding), None) or (newest if not newest.ended else next(reversed(alive), newest))

    def _instance_of(self, space: Space, name: str) -> KnownInstance:
        # Meanings of a name are tried from the most exact to the most general.
        if not name:
            if space.last not in self.instances:
                raise DefinitionError("no flow was run or started yet; name one, or run it first")
            return self.instances[space.last]
        if name in self.instances:
            return self.instances[name]
        run = self.history.runs.get(name)
        if run is not None and run.instance is not None:
            return run.instance
        if run is not None:
            raise DefinitionError(f"run {name} is of an earlier dispatcher; only its record is left")
        if name in space.up:
            return self.instances[space.up[name]]
        for instance in reversed(self.instances.values()):
            if instance.flow.name == name and instance.space is space:
                return instance
        flows = space.definitions.flows
        if name in flows:
            raise DefinitionError(f"flow {name!r} does not run; `%floe run {name}` or `%floe start {name}` first")
        recent = [i.name for i in list(self.instances.values())[-40:] if i.space is space]
        raise self.spaces.unknown("flow, instance or run", name, [*flows, *recent[-8:]], space)

    def flow(self, space: Space, name: str) -> Flow:
        """Return the flow of a name. Raises `UnknownName`."""
        flow = space.definitions.flows.get(name)
        if flow is None:
            raise self.spaces.unknown("flow", name, space.definitions.flows, space)
        return flow

    def flow_of(self, space: Space, name: str) -> tuple[Space, str]:
        """Return the workspace and flow meant by a `flow` argument, even if the flow never ran or the workspace is another."""
        flows = space.definitions.flows
        if name in flows:
            return space, name
        if not name and not space.last and len(flows) == 1:
            return space, next(iter(flows))
        instance = self._instance_of(space, name)
        return instance.space, instance.flow.name

    def up_instance(self, space: Space, name: str) -> KnownInstance:
        """Return the instance that is up and meant by a `flow` argument. Raises `DefinitionError`."""
        if name in space.up:
            return self.instances[space.up[name]]
        if not name and len(space.up) == 1:
            return self.instances[next(iter(space.up.values()))]
        found = self.instance_of(space, name, alive=False) if not name or name not in space.definitions.flows else None
        if found is None or not found.up or found.ended:
            shown = name or (found.flow.name if found else "it")
            raise DefinitionError(f"flow {shown!r} is not up; `%floe start {shown}` first")
        return found

    def alive(self, space: Space | None = None, flow: str = "") -> list[KnownInstance]:
        """Return the instances with a machine, of a flow, of a workspace or of all."""
        spaces = self.living.values() if space is None else [self.living.get(space.id, {})]
        return [i for living in spaces for i in living.values() if not flow or i.flow.name == flow]

    def at_work(self) -> list[KnownInstance]:
        """Return the instances that are up or have a run under way, without instances kept only for inspection."""
        return [i for i in self.alive() if i.up or i.runs]

    def workspaces_at_work(self) -> set[str]:
        """Return the ids of workspaces with an instance at work; one instance per workspace suffices for the answer."""
        return {id_ for id_, living in self.living.items() if any(i.up or i.runs for i in living.values())}
