/** List of the defined flows, those used last first. */

import { deleteIcon } from '@jupyterlab/ui-components';
import { Section } from './section';
import type { PanelStore, OwnedFlow } from '../../store';
import { PlainRow } from '../row';
import { Rows } from '../rows';
import type { SidebarActions } from '../actions';

export class FlowsSection extends Section {
  private readonly rows: Rows<OwnedFlow>;

  constructor(store: PanelStore, actions: SidebarActions) {
    super('flows', 'Flows', store, ['flows', 'runs']);
    this.rows = new Rows(
      'Flows',
      'No flow is defined yet. Write one in a %%floe flow cell.',
      ({ name, workspace }) => key(name, workspace),
      ({ name, workspace }) => {
        const row = new PlainRow({ flow: name, workspace }, () => actions.open(name, workspace, ''), [
          {
            name: 'remove-flow',
            label: `Remove the flow ${name}`,
            icon: deleteIcon,
            run: () => this.remove(name, workspace, actions)
          }
        ]);
        return { node: row.node, update: flow => this.fill(row, flow) };
      }
    );
    this.body.append(this.rows.node);
  }

  protected draw(): void {
    const { store } = this;
    const used = new Map<string, number>();
    for (const { flow, workspace = '', created = 0 } of store.runs) {
      used.set(key(flow, workspace), Math.max(created, used.get(key(flow, workspace)) ?? 0));
    }
    const last = ({ name, workspace }: OwnedFlow) => used.get(key(name, workspace)) ?? 0;
    this.rows.show([...store.listed(store.flows)].sort((a, b) => last(b) - last(a)));
  }

  private remove(name: string, workspace: string, actions: SidebarActions): void {
    actions.attempt(async () => {
      if (await actions.confirm('Remove the Flow?', `The flow ${name} will be removed. Its modules and its runs stay.`)) {
        await this.store.connection.call('remove', { name, workspace });
      }
    });
  }

  private fill(row: PlainRow, flow: OwnedFlow): void {
    const { name, version, nodes, workspace } = flow;
    const running = this.store.instancesOf(name, workspace);
    const held = this.store.runs.some(r => r.flow === name && r.workspace === workspace && r.status === 'held');
    const words = [...(running ? [`${running} running`] : []), count(nodes?.length ?? 0, 'node'), `version ${version ?? 1}`];
    row.set(this.store.named(name, flow), words.join(' · '), held ? 'held' : running ? 'active' : 'idle');
  }
}

function key(flow: string, workspace: string): string {
  return JSON.stringify([workspace, flow]);
}

/** Return a number with its noun: `1 run`, `2 runs`. */
export function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}
