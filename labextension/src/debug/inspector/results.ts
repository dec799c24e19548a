/** First results of a run as a table, to copy and to continue with in a cell. */

import type { Buffer, ResultBatch } from '../../wire';
import { h } from '../../page/dom';
import { problemLine, report } from '../../page/problem';
import type { Section } from './sections';
import { buffersOf, cell, valuesOf } from '../values/tree';

/** Maximum numbers of results shown, and of columns for results that are objects. */
export const SHOWN = 20;
const COLUMNS = 12;

/** Actions of the buttons below the table of results. */
export interface ResultActions {
  /** Copy all results as JSON. */
  copy(): Promise<void>;
  /** Insert a cell that makes a DataFrame of the results. */
  dataframe(): Promise<void>;
}

interface Row {
  from: string;
  value: unknown;
  buffers: Buffer[];
}

/** Return the section with the first results. */
export function results(batches: ResultBatch[], total: number, actions: ResultActions): Section {
  return {
    key: 'results',
    title: `Results (${total})`,
    digest: [total > SHOWN ? SHOWN : total, batches],
    make: () => table(rowsOf(batches), total, actions)
  };
}

function rowsOf(batches: ResultBatch[]): Row[] {
  return batches
    .flatMap(({ node, port, batch }) => {
      const buffers = buffersOf(batch);
      return valuesOf(batch).map((value, i) => ({ from: `${node}.${port}`, value, buffers: buffers[i] }));
    })
    .slice(0, SHOWN);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !Object.hasOwn(value, '$floe');

function table(rows: Row[], total: number, actions: ResultActions): HTMLElement {
  const objects = rows.length > 0 && rows.every(r => isObject(r.value));
  const keys = objects ? [...new Set(rows.flatMap(r => Object.keys(r.value as object)))].slice(0, COLUMNS) : [];
  const ports = new Set(rows.map(r => r.from)).size > 1;
  const cells = ({ value, buffers }: Row) =>
    keys.length
      ? keys.map(key => cell(Object.hasOwn(value as object, key) ? (value as Record<string, unknown>)[key] : undefined, buffers))
      : [cell(value, buffers)];
  const line = (row: Row, i: number) => h('tr', {}, h('th', {}, String(i)), ports && h('td', {}, row.from), ...cells(row));
  const head = h(
    'tr',
    {},
    h('th', {}),
    ports && h('th', {}, 'from'),
    ...(keys.length ? keys : ['value']).map(key => h('th', {}, key.slice(0, 40)))
  );
  const problem = problemLine();
  const button = (cmd: string, text: string, title: string, work: () => Promise<void>) =>
    h('button', { 'data-cmd': cmd, title, click: () => report(work(), problem) }, text);
  return h(
    'div',
    {},
    h('div', { class: 'floe-table', tabindex: 0 }, h('table', {}, h('thead', {}, head), h('tbody', {}, ...rows.map(line)))),
    total > rows.length && h('p', { class: 'floe-hint' }, `the first ${rows.length} of ${total}; all: run.results`),
    problem,
    h(
      'div',
      { class: 'floe-buttons' },
      button('copy-results', 'Copy', 'Copy the results as JSON', actions.copy),
      button('as-dataframe', 'As DataFrame', 'Insert a cell that makes a DataFrame of the results', actions.dataframe)
    )
  );
}
