/** List of all held messages, in all runs. */

import { deleteIcon, refreshIcon, stepOverIcon } from '@jupyterlab/ui-components';
import { preview } from '../../../debug/values/tree';
import type { HeldOf, PanelStore } from '../../store';
import { PlainRow } from '../row';
import { Rows } from '../rows';
import type { SidebarActions } from '../actions';
import { Section } from './section';

export class HeldSection extends Section {
  private readonly rows: Rows<HeldOf>;

  constructor(store: PanelStore, actions: SidebarActions) {
    super('held', 'Held messages', store, ['held', 'runs']);
    this.rows = new Rows('Held messages', 'No message is held.', key, item => this.row(item, actions));
    this.body.append(this.rows.node);
  }

  protected draw(): void {
    this.rows.show(this.store.listed(this.store.held));
  }

  private row({ message, flow, instance, workspace }: HeldOf, actions: SidebarActions) {
    const { id, node } = message;
    const call = this.store.connection.call.bind(this.store.connection);
    const buttons = [
      {
        name: 'step-message',
        label: 'Step this message',
        icon: stepOverIcon,
        run: () => actions.attempt(() => call('step', { flow: instance, message: id }))
      },
      {
        name: 'drop-message',
        label: 'Drop this message',
        icon: deleteIcon,
        run: () => actions.attempt(() => call('drop', { flow: instance, id }))
      }
    ];
    if (message.failure) {
      buttons.unshift({
        name: 'retry-message',
        label: 'Retry this message',
        icon: refreshIcon,
        run: () => actions.attempt(() => call('retry', { flow: instance, id }))
      });
    }
    const row = new PlainRow(
      { held: id, instance, flow, at: node },
      () => actions.open(flow, workspace, instance, node, id),
      buttons
    );
    return {
      node: row.node,
      update: ({ message: now }: HeldOf) =>
        row.set(
          `${now.node}.${now.port}`,
          preview(now.value, 80),
          now.failure ? 'failed' : 'held',
          [
            `${instance}, ${now.side === 'out' ? 'behind' : 'in front of'} ${now.node}: ${now.reason}`,
            preview(now.value, 400),
            now.failure?.message
          ]
            .filter(Boolean)
            .join('\n')
        )
    };
  }
}

function key({ instance, message }: HeldOf): string {
  return JSON.stringify([instance, message.id, message.node, message.side, Boolean(message.failure)]);
}
