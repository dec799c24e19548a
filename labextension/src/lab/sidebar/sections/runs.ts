/** List of runs by state: pending, active, held, and the archive of finished runs. */

import { clearIcon, deleteIcon, stopIcon, ToolbarButton } from '@jupyterlab/ui-components';
import { h } from '../../../page/dom';
import { OVER, type RunInfo } from '../../../wire';
import type { PanelStore } from '../../store';
import { PlainRow } from '../row';
import { Rows, write } from '../rows';
import type { SidebarActions } from '../actions';
import { count } from './flows';
import { Section } from './section';

/** States that the list is filtered by. */
export const SHELVES = ['pending', 'active', 'held', 'archive'] as const;
export type Shelf = (typeof SHELVES)[number];

/** Filter of the list of runs, saved with the layout of the page. */
export interface RunFilter {
  text: string;
  shelves: Shelf[];
}

export class RunsSection extends Section {
  private readonly text = h('input', {
    type: 'search',
    class: 'floe-side-filter',
    placeholder: 'Filter runs',
    'aria-label': 'Filter runs',
    input: () => this.filtered()
  });
  private readonly chips: Record<string, HTMLButtonElement>;
  private readonly rows: Rows<RunInfo>;
  private readonly shelves = new Set<Shelf>(SHELVES);

  /** `stateChanged` is called when the filter changes. */
  constructor(
    store: PanelStore,
    actions: SidebarActions,
    private readonly stateChanged: () => void
  ) {
    super('runs', 'Runs', store, ['runs']);
    this.toolbar.addItem(
      'clear',
      new ToolbarButton({
        icon: clearIcon,
        tooltip: 'Clear the archive: remove runs that are over',
        dataset: { 'data-cmd': 'clear-archive' } as never,
        onClick: () => this.clear(actions)
      })
    );
    this.chips = Object.fromEntries(SHELVES.map(shelf => [shelf, this.chip(shelf)]));
    this.rows = new Rows(
      'Runs',
      () => (store.runs.length ? 'No run matches.' : 'No flow has run yet.'),
      run => run.ref,
      run => this.row(run, actions)
    );
    this.body.append(
      h(
        'div',
        { class: 'floe-side-filters' },
        this.text,
        h('div', { class: 'floe-side-chips', role: 'group', 'aria-label': 'States of runs' }, ...Object.values(this.chips))
      ),
      this.rows.node
    );
  }

  get filter(): RunFilter {
    return { text: this.text.value, shelves: [...this.shelves] };
  }

  set filter({ text, shelves }: RunFilter) {
    this.text.value = text;
    this.shelves.clear();
    SHELVES.filter(shelf => shelves.includes(shelf)).forEach(shelf => this.shelves.add(shelf));
    this.draw();
  }

  protected draw(): void {
    const text = this.text.value.trim().toLowerCase();
    const found = this.store
      .listed(this.store.runs)
      .filter(run => !text || `${run.ref} ${run.status} ${run.flow} ${run.title ?? ''}`.toLowerCase().includes(text));
    for (const shelf of SHELVES) {
      const chip = this.chips[shelf];
      chip.setAttribute('aria-pressed', String(this.shelves.has(shelf)));
      write(chip, `${shelf} ${found.filter(run => shelfOf(run) === shelf).length}`);
    }
    this.rows.show(found.filter(run => this.shelves.has(shelfOf(run))));
  }

  private clear(actions: SidebarActions): void {
    const { store } = this;
    const over = store.listed(store.runs).filter(run => OVER.has(run.status)).length;
    actions.attempt(async () => {
      if (
        over &&
        (await actions.confirm('Clear the Archive?', `${count(over, 'run')} that are over, and their results, will be removed.`))
      ) {
        await store.connection.call('clear_archive', { workspace: store.workspace || '*' });
      }
    });
  }

  private filtered(): void {
    this.draw();
    this.stateChanged();
  }

  private chip(shelf: Shelf): HTMLButtonElement {
    return h('button', {
      class: 'floe-side-chip',
      'data-shelf': shelf,
      click: () => {
        this.shelves.delete(shelf) || this.shelves.add(shelf);
        this.filtered();
      }
    });
  }

  private row(run: RunInfo, actions: SidebarActions) {
    const { ref, flow, instance, workspace = '' } = run;
    const row = new PlainRow(
      { run: ref, flow, instance: instance ?? '', workspace },
      () => actions.open(flow, workspace, instance || ref),
      [
        {
          name: 'cancel-run',
          label: `Cancel ${ref}`,
          icon: stopIcon,
          run: () => actions.attempt(() => this.store.connection.call('cancel', { ref }))
        },
        {
          name: 'remove-run',
          label: `Remove ${ref} and its results`,
          icon: deleteIcon,
          run: () => actions.attempt(() => this.store.connection.call('clear_archive', { flow: ref }))
        }
      ]
    );
    return {
      node: row.node,
      update: (now: RunInfo) => {
        row.set(this.store.named(now.ref, now), words(now), now.status, title(now));
        row.node.classList.toggle('floe-side-over', OVER.has(now.status));
      }
    };
  }
}

/** Return the state that a run is filtered by. */
export function shelfOf({ status }: RunInfo): Shelf {
  return OVER.has(status) ? 'archive' : (status as Shelf);
}

function words(run: RunInfo): string {
  const parts: string[] = [run.status];
  if (run.status === 'pending' && run.waits_for) {
    parts.push(`waits for ${run.waits_for}`);
  } else if (run.status === 'failed' && run.failures?.length) {
    parts.push(run.failures[0].message);
  } else if (run.results) {
    parts.push(count(run.results, 'result'));
  }
  if (run.status === 'cancelled' && run.why) {
    parts.push(run.why);
  }
  const dropped = sum(run, false);
  const unfinished = sum(run, true);
  parts.push(...(dropped ? [`${dropped} dropped`] : []), ...(unfinished ? [`${unfinished} unfinished`] : []));
  return parts.join(' · ');
}

/** Return the number of messages that the run left unfinished, or dropped. */
function sum(run: RunInfo, unfinished: boolean): number {
  return (run.unprocessed ?? []).filter(one => left(one) === unfinished).reduce((total, one) => total + one.n, 0);
}

function left({ reason }: { reason: string }): boolean {
  return reason === 'unfinished' || reason === 'behind';
}

function title(run: RunInfo): string {
  const lines = [`${run.ref}: ${run.status}`, `${run.fed ?? 0} fed, ${count(run.results ?? 0, 'result')}`];
  if (run.title) {
    lines.push(`of ${run.title}`);
  }
  if (run.created) {
    lines.push(`opened ${new Date(run.created * 1000).toLocaleString()}`);
  }
  if (run.ended && run.started) {
    lines.push(`took ${(run.ended - run.started).toFixed(2)} s`);
  }
  if (run.forked_from) {
    lines.push(`forked from ${run.forked_from}`);
  }
  lines.push(
    ...(run.unprocessed ?? []).slice(0, 5).map(one => `${one.name}: ${one.text || 'unfinished'} (${count(one.n, 'message')})`)
  );
  lines.push(...(run.failures ?? []).slice(0, 3).map(f => `${f.node && `${f.node}: `}${f.message}`));
  return lines.join('\n');
}
