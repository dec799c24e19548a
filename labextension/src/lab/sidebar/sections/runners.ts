/** List of the places where code runs: runners, their runtimes, and the environments of the modules. */

import { Section } from './section';
import type { Environment, PanelStore, Runner, Runtime } from '../../store';
import { PlainRow } from '../row';
import { Rows } from '../rows';
import { count } from './flows';

type Item =
  | { kind: 'progress'; what: string; text: string }
  | { kind: 'runner'; runner: Runner }
  | { kind: 'runtime'; runtime: Runtime }
  | { kind: 'environment'; environment: Environment };

export class RunnersSection extends Section {
  private readonly rows = new Rows<Item>('Runners, runtimes and environments', 'No runner has started yet.', key, item => {
    const row = new PlainRow({ kind: item.kind, id: key(item) });
    row.node.classList.add(`floe-side-${item.kind}`);
    return { node: row.node, update: now => update(row, now) };
  });

  constructor(store: PanelStore) {
    super('runners', 'Runners and runtimes', store, ['runners', 'environments']);
    this.body.append(this.rows.node);
  }

  protected draw(): void {
    const { runners, runtimes, environments, progress } = this.store;
    const items: Item[] = [...progress.values()].map(p => ({ kind: 'progress', ...p }));
    for (const runner of runners) {
      items.push({ kind: 'runner', runner });
      items.push(...runtimes.filter(r => r.runner === runner.url).map(runtime => ({ kind: 'runtime', runtime }) as const));
    }
    items.push(...environments.filter(e => e.deps.length).map(environment => ({ kind: 'environment', environment }) as const));
    this.rows.show(items);
  }
}

function key(item: Item): string {
  switch (item.kind) {
    case 'progress':
      return `progress ${item.what}`;
    case 'runner':
      return `runner ${item.runner.url} ${item.runner.pid}`;
    case 'runtime':
      return `runtime ${item.runtime.runner} ${item.runtime.id}`;
    case 'environment':
      return `environment ${item.environment.module}`;
  }
}

function update(row: PlainRow, item: Item): void {
  if (item.kind === 'progress') {
    row.set(item.what, item.text, 'pending');
  } else if (item.kind === 'runner') {
    const { url, pid, status, runtimes } = item.runner;
    row.set(url, `${status} · ${count(runtimes, 'runtime')} · process ${pid}`, status);
  } else if (item.kind === 'runtime') {
    const { lang, status, pid, environment, nodes, restarts, runner } = item.runtime;
    const words = [
      status,
      ...(runner === 'local:' ? [] : [`in ${runner}`]),
      `environment ${environment.slice(0, 12) || 'default'}`,
      `process ${pid}`
    ];
    if (restarts) {
      words.push(count(restarts, 'restart'));
    }
    row.set(lang, words.join(' · '), status, `${lang}: ${words.join(', ')}\nruns ${nodes.join(', ') || 'no node'}`);
  } else {
    const { module, lang, deps, locked } = item.environment;
    row.set(
      `${module} (${lang})`,
      deps.join(', '),
      'environment',
      [`${module} needs`, ...deps, ...(locked.length ? ['', 'locked:', ...locked] : [])].join('\n')
    );
  }
}
