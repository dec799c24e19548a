/** Breakpoints of all flows. A tick enables or disables a breakpoint; a click shows its node. */

import { closeIcon, CommandToolbarButton } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import { h } from '../../../page/dom';
import type { FlowBreak, PanelStore } from '../../store';
import { PlainRow } from '../row';
import { Rows } from '../rows';
import type { SidebarActions } from '../actions';
import { Section } from './section';

export class BreaksSection extends Section {
  private readonly rows: Rows<FlowBreak>;

  constructor(store: PanelStore, actions: SidebarActions, commands: CommandRegistry) {
    super('breakpoints', 'Breakpoints', store, ['breaks']);
    this.rows = new Rows(
      'Breakpoints',
      'No breakpoint is set. Click the dot before or behind a node.',
      b => JSON.stringify([b.workspace, b.flow, b.id]),
      b => this.row(b, actions)
    );
    this.body.append(this.rows.node);
    const button = new CommandToolbarButton({ commands, id: 'floe:remove-breakpoints', label: '' });
    button.node.dataset.cmd = 'remove-breakpoints';
    this.toolbar.addItem('remove', button);
  }

  protected draw(): void {
    this.rows.show(this.store.listed(this.store.breaks));
  }

  private row({ id, flow, node, workspace }: FlowBreak, actions: SidebarActions) {
    const call = this.store.connection.call.bind(this.store.connection);
    let shown: FlowBreak;
    const tick = h('input', {
      type: 'checkbox',
      class: 'floe-entry-tick',
      'data-cmd': 'toggle-break',
      'aria-label': `Breakpoint at ${node} is enabled`,
      change: () => actions.attempt(() => call('set_break', { ...settable(shown), enabled: tick.checked }))
    });
    const row = new PlainRow({ break: id, flow, at: node }, () => actions.open(flow, workspace, '', node), [
      {
        name: 'clear-break',
        label: `Remove the breakpoint at ${node}`,
        icon: closeIcon,
        run: () => actions.attempt(() => call('clear_break', { workspace, flow, id }))
      }
    ]);
    row.node.prepend(tick);
    return {
      node: row.node,
      update: (b: FlowBreak) => {
        shown = b;
        tick.checked = b.enabled;
        row.set(`${this.store.named(flow, b)}: ${node}${b.port ? `.${b.port}` : ''}`, words(b), b.enabled ? 'on' : 'off');
      }
    };
  }
}

/** Return the fields that `set_break` takes. */
function settable({ workspace, id, flow, node, side, port, when, hits, log }: FlowBreak) {
  return { workspace, id, flow, node, side, port, when, hits, log };
}

function words({ side, when, hits, log, count }: FlowBreak): string {
  const parts = [side === 'in' ? 'in front' : 'behind'];
  if (when) {
    parts.push(`when ${when}`);
  }
  if (hits) {
    parts.push(`from hit ${hits}`);
  }
  if (log) {
    parts.push(`log ${log}`);
  }
  if (count) {
    parts.push(`hit ${count}×`);
  }
  return parts.join(' · ');
}
