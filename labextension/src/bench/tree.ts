/** A value as a tree, a table where it is rows, a picture where it is image bytes. Big ones open piece by piece. */

import { h } from './dom';

const PIECE = 100;
const LONGEST_TEXT = 2_000;

/** The tags of values that JSON cannot say (`runtimes/README.md`), as people read them. */
function tagged(value: object): string | null {
  const tag = (value as { $floe?: unknown[] }).$floe;
  if (!Array.isArray(tag) || Object.keys(value).length !== 1) {
    return null;
  }
  const [kind, ...rest] = tag;
  switch (kind) {
    case 'array': return `array ${String(rest[1])} ${JSON.stringify(rest[2])}`;
    case 'bytes': return 'bytes';
    case 'table': return `table (${String(rest[1])})`;
    default: return `${String(kind)} ${rest.map(String).join(' ')}`;
  }
}

export function tree(value: unknown, name = '', open = true): HTMLElement {
  const label = name ? h('span', { class: 'floe-key' }, `${name}: `) : null;
  if (value === null || typeof value !== 'object') {
    return h('div', { class: 'floe-leaf' }, label, leaf(value));
  }
  const text = tagged(value);
  if (text) {
    return h('div', { class: 'floe-leaf' }, label, h('span', { class: 'floe-tagged' }, text));
  }
  const rows = asRows(value);
  if (rows) {
    return h('div', {}, label, table(rows));
  }
  const entries = Object.entries(value);
  const brackets = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
  const body = h('div', { class: 'floe-children' });
  const details = h('details', { open: open && entries.length > 0 }, h('summary', {}, label, brackets), body);
  const fill = () => { if (details.open && !body.childNodes.length) { more(body, entries, 0); } };
  details.addEventListener('toggle', fill);
  fill();
  return details;
}

function leaf(value: unknown): HTMLElement {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  const cut = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}… (${text.length} characters)` : text;
  return h('span', { class: `floe-${value === null ? 'null' : typeof value}` }, cut);
}

function more(body: HTMLElement, entries: Array<[string, unknown]>, from: number): void {
  for (const [key, value] of entries.slice(from, from + PIECE)) {
    body.append(tree(value, key, false));
  }
  if (entries.length > from + PIECE) {
    const button = h('button', { class: 'floe-link', click: () => { button.remove(); more(body, entries, from + PIECE); } },
      `${entries.length - from - PIECE} more`);
    body.append(button);
  }
}

type Row = Record<string, unknown>;

/** Two or more objects with the same keys are rows of a table. */
function asRows(value: object): Row[] | null {
  if (!Array.isArray(value) || value.length < 2 || value.some(v => v === null || typeof v !== 'object' || Array.isArray(v) || '$floe' in v)) {
    return null;
  }
  const keys = Object.keys(value[0] as Row).join('\n');
  return keys && value.every(v => Object.keys(v as Row).join('\n') === keys) ? value as Row[] : null;
}

function table(rows: Row[]): HTMLElement {
  const keys = Object.keys(rows[0]);
  const cell = (v: unknown) => h('td', {}, v !== null && typeof v === 'object' ? tree(v, '', false) : leaf(v));
  const shown = rows.slice(0, PIECE).map(row => h('tr', {}, ...keys.map(key => cell(row[key]))));
  return h('div', { class: 'floe-table' },
    h('table', {}, h('thead', {}, h('tr', {}, ...keys.map(key => h('th', {}, key)))), h('tbody', {}, ...shown)),
    rows.length > PIECE && h('div', {}, `${rows.length - PIECE} more rows`));
}
