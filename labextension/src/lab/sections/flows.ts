/** All flows that are defined. */

import { Section } from './section';
import type { Known } from '../known';
import { PlainRow } from '../row';
import { Rows } from '../rows';
import type { Flow } from '../../wire';
import type { Deeds } from './deeds';

export class FlowsSection extends Section {
  private readonly rows: Rows<Flow>;

  constructor(known: Known, deeds: Deeds) {
    super('flows', 'Flows', known, ['flows', 'runs']);
    this.rows = new Rows('Flows', 'No flow is defined yet. Write one in a %%floe flow cell.', flow => flow.name, ({ name }) => {
      const row = new PlainRow({ flow: name }, () => deeds.open(name, ''));
      return { node: row.node, update: flow => this.fill(row, flow) };
    });
    this.body.append(this.rows.node);
  }

  protected draw(): void {
    this.rows.show(this.known.flows);
  }

  private fill(row: PlainRow, { name, version, nodes }: Flow): void {
    const running = this.known.instancesOf(name);
    const held = this.known.runs.some(r => r.flow === name && r.status === 'held');
    const words = [...running ? [`${running} running`] : [], count(nodes?.length ?? 0, 'node'), `version ${version ?? 1}`];
    row.set(name, words.join(' · '), held ? 'held' : running ? 'active' : 'idle');
  }
}

export function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}
