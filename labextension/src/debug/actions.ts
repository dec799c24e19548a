/** Actions a person may ask of the dispatcher, as calls of the control API. */

import type { Connection } from '../client/connection';
import type { HeldMessage, Record as Step, RunInfo } from '../wire';
import type { Breakpoint } from './inspector/breakpoints';
import type { EditActions } from './inspector/editor';
import type { Code } from './menus/code_dialog';
import type { RunStore } from './store';
import { insertCell } from '../page/lab_requests';
import { hasBuffers } from './values/tagged';
import { payloadOf } from './values/tree';
import { encode, inexact, isTagged } from './values/json';

export class Actions {
  /**
   * `forked` gets each new run and the node in front of which the run is held; `changed` gets a description of each change and
   * its undo.
   */
  constructor(
    private readonly connection: Connection,
    private readonly store: RunStore,
    private readonly flow: string,
    private readonly forked: (run: RunInfo, node: string) => void,
    private readonly changed: (text: string, back: (() => Promise<unknown>) | null) => void
  ) {}

  async go(name: 'resume' | 'pause' | 'step' | 'back'): Promise<void> {
    await this.connection.call(name, { flow: this.store.flow });
    this.store.reload();
  }

  /** Cancel the run, or stop a flow that is up. */
  async stop(): Promise<void> {
    const { isRun, info, flow } = this.store;
    await (isRun ? this.connection.call('cancel', { ref: info?.ref || this.store.ref }) : this.connection.call('stop', { flow }));
    this.store.refresh();
  }

  /** Set a breakpoint, or change the breakpoint with the given id. */
  async setBreak(wanted: Partial<Breakpoint> & { node: string }): Promise<void> {
    const before = this.store.breaks.find(b => b.id === wanted.id);
    const made = await this.requestBreak(wanted);
    const place = placeOf(wanted);
    if (before) {
      this.changed(`Breakpoint ${place} changed`, () => this.requestBreak(before));
    } else {
      this.changed(`Breakpoint ${place} set`, () => this.requestRemoval(made.id));
    }
  }

  async clearBreak(id: string): Promise<void> {
    const before = this.store.breaks.find(b => b.id === id);
    await this.requestRemoval(id);
    this.changed(`Breakpoint ${before ? placeOf(before) : ''} removed`, before ? () => this.requestBreak(before) : null);
  }

  private async requestBreak({
    node,
    id,
    side,
    port,
    when,
    hits,
    log,
    enabled
  }: Partial<Breakpoint> & { node: string }): Promise<{ id: string }> {
    const made = (await this.connection.call('set_break', {
      flow: this.flow,
      node,
      id,
      side,
      port,
      when,
      hits,
      log,
      enabled
    })) as { id: string };
    this.store.reload();
    return made;
  }

  private async requestRemoval(id: string): Promise<void> {
    await this.connection.call('clear_break', { flow: this.flow, id });
    this.store.reload();
  }

  async inject(node: string, port: string, text: string): Promise<void> {
    await this.connection.call('inject', {
      flow: this.store.flow,
      node,
      port,
      batch: { payload: encode(`[${text}]`), n: 1, tagged: isTagged(text) }
    });
    this.store.reload();
  }

  /** Fork a separate run that begins with this message, held in front of the first node for the person to look. */
  async fork(id: string, node: string, text?: string): Promise<void> {
    const made = await this.connection.call('fork', {
      flow: this.store.flow,
      id: `${id}@${node}`,
      debug: true,
      hold: true,
      ...(text === undefined ? {} : { text: encode(text), tagged: isTagged(text) })
    });
    this.store.reload();
    if (made) {
      this.forked(made, node);
    }
  }

  forkStep(step: Step): Promise<void> {
    return this.fork(step.id, step.node);
  }

  /** Copy all results as one JSON array; bytes and arrays stay tags. */
  async copyResults(): Promise<void> {
    const texts: string[] = [];
    for (
      let start = 0, found;
      (found = await this.connection.call('results', { ref: this.store.ref, start })).length;
      start += found.length
    ) {
      texts.push(...found.map(({ batch }) => payloadOf(batch).slice(1, -1)));
    }
    await navigator.clipboard.writeText(`[${texts.join(', ')}]`);
  }

  /**
   * Insert a cell with code that makes a DataFrame of the results, or copy the code if no notebook takes a cell. Returns which.
   */
  async dataframe(from: Element): Promise<'cell' | 'clipboard'> {
    const code = `run = %floe attach ${this.store.ref}\nrun.dataframe()`;
    if (insertCell(from, code)) {
      return 'cell';
    }
    await navigator.clipboard.writeText(code);
    return 'clipboard';
  }

  /** Undo all steps recorded after a step. */
  async backTo(step: Step): Promise<void> {
    const { flow, steps } = this.store;
    const groups = new Set(steps.filter(s => s.seq > step.seq && s.group !== step.group).map(s => s.group));
    for (let i = 0; i < groups.size; i++) {
      await this.connection.call('back', { flow });
    }
    this.store.reload();
  }

  /** Return the code of a node's module; undefined if the node has none. */
  async code(node: string): Promise<Code | undefined> {
    const [flows, modules] = await Promise.all([this.connection.call('flows', {}), this.connection.call('modules', {})]);
    const name = flows.find(f => f.name === this.flow)?.nodes?.find(n => n.id === node)?.module;
    const found = modules.find(m => m.name === name);
    return found && { module: found.name, lang: found.lang ?? '', source: found.source };
  }

  message(held: HeldMessage): EditActions {
    const { id, node } = held;
    const { connection, store } = this;
    // copies of a message may wait in front of several nodes
    const place = { flow: store.flow, id: `${id}@${node}` };
    const andReload = async (work: Promise<unknown>) => {
      await work;
      store.reload();
    };
    return {
      save: text => this.edit(held, place, text),
      fetchWhole: async () => (await connection.call('held', { ...place, limit: 1, buffers: true }))[0],
      drop: () => this.drop(held, place),
      duplicate: () => andReload(connection.call('duplicate', place)),
      retry: () => andReload(connection.call('retry', place)),
      step: () => andReload(connection.call('step', { flow: store.flow, message: place.id })),
      fork: text => this.fork(id, node, text)
    };
  }

  private async edit({ value, node }: HeldMessage, place: Place, text: string): Promise<void> {
    const set = async (to: string) => {
      await this.connection.call('edit', { ...place, text: encode(to), tagged: isTagged(to) });
      this.store.reload();
    };
    await set(text);
    this.changed(`Message in front of ${node} edited`, inexact(value) ? null : () => set(JSON.stringify(value)));
  }

  /**
   * Drop a message; undo puts it back at its position in front of the node while its run is debugged, else behind the others
   * waiting.
   */
  private async drop(held: HeldMessage, place: Place): Promise<void> {
    const { node, port, side } = held;
    const found = hasBuffers(held.value)
      ? ((await this.connection.call('held', { ...place, limit: 1, buffers: true }))[0] ?? held)
      : held;
    await this.connection.call('drop', place);
    this.store.reload();
    const buffers = found.buffers ?? [];
    const lost = inexact(held.value) || buffers.some(b => !b.data) || (hasBuffers(held.value) && !buffers.length);
    const text = JSON.stringify(found.value);
    const back = async () => {
      const why = await this.connection.call('undrop', place).then(
        () => null,
        (error: Error) => error
      );
      if (why && lost) {
        throw why;
      }
      await (why &&
        this.connection.call('inject', {
          flow: place.flow,
          node,
          port,
          batch: {
            payload: encode(`[${text}]`),
            n: 1,
            tagged: isTagged(text),
            ...(buffers.length ? { buffers, counts: [buffers.length] } : {})
          }
        }));
      this.store.reload();
    };
    this.changed(`Message ${side === 'out' ? 'behind' : 'in front of'} ${node} dropped`, side === 'out' ? null : back);
  }
}

interface Place {
  flow: string;
  id: string;
}

function placeOf({ node, side, port }: { node: string; side?: string; port?: string }): string {
  return `${side === 'out' ? 'behind' : 'in front of'} ${node}${port ? ` (${port})` : ''}`;
}
