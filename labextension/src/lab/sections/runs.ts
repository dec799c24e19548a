/** Runs by what becomes of them: pending, active, held, and the archive of those that are over. */

import { stopIcon } from '@jupyterlab/ui-components';
import { h } from '../../bench/dom';
import type { RunInfo } from '../../wire';
import { OVER, type Known } from '../known';
import { PlainRow } from '../row';
import { Rows, write } from '../rows';
import type { Deeds } from './deeds';
import { count } from './flows';
import { Section } from './section';

/** The shelves a run can lie on. */
export const SHELVES = ['pending', 'active', 'held', 'archive'] as const;
export type Shelf = typeof SHELVES[number];

export interface RunFilter { text: string; shelves: Shelf[] }

export class RunsSection extends Section {
  private readonly text = h('input', { type: 'search', class: 'floe-side-filter', placeholder: 'Filter runs', 'aria-label': 'Filter runs',
    input: () => this.filtered() });
  private readonly chips: Record<string, HTMLButtonElement>;
  private readonly rows: Rows<RunInfo>;
  private readonly shelves = new Set<Shelf>(SHELVES);

  /** `kept` is called when the filter is another. */
  constructor(known: Known, deeds: Deeds, private readonly kept: () => void) {
    super('runs', 'Runs', known, ['runs']);
    this.chips = Object.fromEntries(SHELVES.map(shelf => [shelf, this.chip(shelf)]));
    this.rows = new Rows('Runs', () => known.runs.length ? 'No run matches.' : 'No flow has run yet.', run => run.ref, run => this.row(run, deeds));
    this.body.append(h('div', { class: 'floe-side-filters' }, this.text,
      h('div', { class: 'floe-side-chips', role: 'group', 'aria-label': 'States of runs' }, ...Object.values(this.chips))), this.rows.node);
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
    const found = this.known.runs.filter(run => !text || `${run.ref} ${run.status} ${run.flow}`.toLowerCase().includes(text));
    for (const shelf of SHELVES) {
      const chip = this.chips[shelf];
      chip.setAttribute('aria-pressed', String(this.shelves.has(shelf)));
      write(chip, `${shelf} ${found.filter(run => shelfOf(run) === shelf).length}`);
    }
    this.rows.show(found.filter(run => this.shelves.has(shelfOf(run))));
  }

  private filtered(): void {
    this.draw();
    this.kept();
  }

  private chip(shelf: Shelf): HTMLButtonElement {
    return h('button', { class: 'floe-side-chip', 'data-shelf': shelf, click: () => {
      this.shelves.delete(shelf) || this.shelves.add(shelf);
      this.filtered();
    } });
  }

  private row(run: RunInfo, deeds: Deeds) {
    const { ref, flow, instance } = run;
    const row = new PlainRow({ run: ref, flow, instance: instance ?? '' }, () => deeds.open(flow, instance || ref), [{
      name: 'cancel-run', label: `Cancel ${ref}`, icon: stopIcon,
      run: () => deeds.attempt(() => this.known.connection.call('cancel', { ref }))
    }]);
    return { node: row.node, update: (now: RunInfo) => {
      row.set(now.ref, words(now), now.status, title(now));
      row.node.classList.toggle('floe-side-over', OVER.has(now.status));
    } };
  }
}

export function shelfOf({ status }: RunInfo): Shelf {
  return OVER.has(status) ? 'archive' : status as Shelf;
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
  return parts.join(' · ');
}

function title(run: RunInfo): string {
  const lines = [`${run.ref}: ${run.status}`, `${run.fed ?? 0} fed, ${count(run.results ?? 0, 'result')}`];
  if (run.created) {
    lines.push(`opened ${new Date(run.created * 1000).toLocaleString()}`);
  }
  if (run.ended && run.started) {
    lines.push(`took ${(run.ended - run.started).toFixed(2)} s`);
  }
  if (run.forked_from) {
    lines.push(`forked from ${run.forked_from}`);
  }
  lines.push(...(run.failures ?? []).slice(0, 3).map(f => `${f.node && `${f.node}: `}${f.message}`));
  return lines.join('\n');
}
