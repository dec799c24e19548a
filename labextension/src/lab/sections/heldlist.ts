/** List of all held messages, in all runs. */

import { deleteIcon, refreshIcon, stepOverIcon } from '@jupyterlab/ui-components';
import { preview } from '../../bench/tree';
import type { HeldOf, Known } from '../known';
import { PlainRow } from '../row';
import { Rows } from '../rows';
import type { Deeds } from './deeds';
import { Section } from './section';

export class HeldSection extends Section {
  private readonly rows: Rows<HeldOf>;

  constructor(known: Known, deeds: Deeds) {
    super('held', 'Held messages', known, ['held', 'runs']);
    this.rows = new Rows('Held messages', 'No message is held.', key, item => this.row(item, deeds));
    this.body.append(this.rows.node);
  }

  protected draw(): void {
    this.rows.show(this.known.listed(this.known.held));
  }

  private row({ message, flow, instance, workspace }: HeldOf, deeds: Deeds) {
    const { id, node } = message;
    const call = this.known.connection.call.bind(this.known.connection);
    const actions = [
      { name: 'step-message', label: 'Step this message', icon: stepOverIcon,
        run: () => deeds.attempt(() => call('step', { flow: instance, message: id })) },
      { name: 'drop-message', label: 'Drop this message', icon: deleteIcon,
        run: () => deeds.attempt(() => call('drop', { flow: instance, id })) }
    ];
    if (message.failure) {
      actions.unshift({ name: 'retry-message', label: 'Retry this message', icon: refreshIcon,
        run: () => deeds.attempt(() => call('retry', { flow: instance, id })) });
    }
    const row = new PlainRow({ held: id, instance, flow, at: node }, () => deeds.open(flow, workspace, instance, node, id), actions);
    return { node: row.node, update: ({ message: now }: HeldOf) => row.set(
      `${now.node}.${now.port}`, preview(now.value, 80), now.failure ? 'failed' : 'held',
      [`${instance}, ${now.side === 'out' ? 'behind' : 'in front of'} ${now.node}: ${now.reason}`, preview(now.value, 400),
        now.failure?.message].filter(Boolean).join('\n')) };
  }
}

function key({ instance, message }: HeldOf): string {
  return JSON.stringify([instance, message.id, message.node, message.side, Boolean(message.failure)]);
}
