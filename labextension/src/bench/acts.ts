/** What a person may ask of the dispatcher, as calls of the control API. */

import type { Connection } from '../client/connection';
import type { HeldMessage, Record as Step } from '../wire';
import type { Breakpoint } from './breaks';
import type { EditActions } from './editor';
import type { Follower } from './follow';
import { encode, isTagged } from './json';

export class Acts {
  constructor(private readonly connection: Connection, private readonly known: Follower, private readonly flow: string) {}

  async go(name: 'resume' | 'pause' | 'step' | 'back'): Promise<void> {
    await this.connection.call(name, { flow: this.known.flow });
    this.known.touched();
  }

  /** A run is cancelled; a flow that is up is stopped. */
  async stop(): Promise<void> {
    const { isRun, info, flow } = this.known;
    await (isRun ? this.connection.call('cancel', { ref: info?.ref || this.known.ref }) : this.connection.call('stop', { flow }));
    this.known.later();
  }

  async setBreak({ node, id, side, port, when, hits, log, enabled }: Partial<Breakpoint> & { node: string }): Promise<void> {
    await this.connection.call('set_break', { flow: this.flow, node, id, side, port, when, hits, log, enabled });
    this.known.touched();
  }

  async clearBreak(id: string): Promise<void> {
    await this.connection.call('clear_break', { flow: this.flow, id });
    this.known.touched();
  }

  async inject(node: string, port: string, text: string): Promise<void> {
    await this.connection.call('inject', { flow: this.known.flow, node, port, batch: { payload: encode(`[${text}]`), n: 1, tagged: isTagged(text) } });
    this.known.touched();
  }

  async fork(id: string, text?: string): Promise<void> {
    await this.connection.call('fork', { flow: this.known.flow, id, debug: true, ...text === undefined ? {} : { text: encode(text), tagged: isTagged(text) } });
    this.known.touched();
  }

  forkStep(step: Step): Promise<void> {
    return this.fork(`${step.id}@${step.node}`);
  }

  /** Undo what was recorded behind a step. */
  async backTo(step: Step): Promise<void> {
    const { flow, steps } = this.known;
    const groups = new Set(steps.filter(s => s.seq > step.seq && s.group !== step.group).map(s => s.group));
    for (let i = 0; i < groups.size; i++) {
      await this.connection.call('back', { flow });
    }
    this.known.touched();
  }

  message({ id, node }: HeldMessage): EditActions {
    const { connection, known } = this;
    // copies of one message may wait in front of several nodes
    const place = { flow: known.flow, id: `${id}@${node}` };
    const then = async (work: Promise<unknown>) => { await work; known.touched(); };
    return {
      save: text => then(connection.call('edit', { ...place, text: encode(text), tagged: isTagged(text) })),
      whole: async () => (await connection.call('held', { ...place, limit: 1, buffers: true }))[0],
      drop: () => then(connection.call('drop', place)),
      duplicate: () => then(connection.call('duplicate', place)),
      retry: () => then(connection.call('retry', place)),
      step: () => then(connection.call('step', { flow: known.flow, message: place.id })),
      fork: text => this.fork(place.id, text)
    };
  }
}
