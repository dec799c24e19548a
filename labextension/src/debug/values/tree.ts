/** Tree of a value, with a table for rows and a picture for image bytes. Large values open piece by piece. */

import type { Batch, Buffer } from '../../wire';
import { markValue } from './clipboard';
import { h } from '../../page/dom';
import { tagged, tagOf } from './tagged';

const PIECE = 100;
const TEXT = 2_000;

/** Render a value; `name` is its key, `open` whether its parts are shown. */
export function tree(value: unknown, buffers: Buffer[] = [], name = '', open = true): HTMLElement {
  return markValue(made(value, buffers, name, open), value);
}

function made(value: unknown, buffers: Buffer[], name: string, open: boolean): HTMLElement {
  const label = name ? h('span', { class: 'floe-key' }, short(name, 80), ': ') : null;
  if (value === null || typeof value !== 'object') {
    return h('div', { class: 'floe-leaf' }, label, leaf(value));
  }
  const tag = tagOf(value);
  if (tag && tag[0] !== 'escape') {
    return h('div', { class: 'floe-leaf' }, label, tagged(tag, buffers));
  }
  const plain = tag && typeof tag[1] === 'object' && tag[1] !== null ? tag[1] : value;
  const rows = asRows(plain);
  if (rows) {
    return h('div', {}, label, table(rows, buffers));
  }
  return branch(plain, buffers, label, open);
}

function branch(value: object, buffers: Buffer[], label: HTMLElement | null, open: boolean): HTMLElement {
  const keys = Object.keys(value);
  const body = h('div', { class: 'floe-children' });
  const details = h(
    'details',
    { open: open && keys.length > 0 && keys.length <= PIECE },
    h(
      'summary',
      {},
      label,
      Array.isArray(value) ? `[${keys.length}]` : `{${keys.length}}`,
      h('span', { class: 'floe-preview' }, ` ${preview(value, 60)}`)
    ),
    body
  );
  const fill = () => {
    if (details.open && !body.childNodes.length) {
      more(body, value as Row, keys, 0, buffers);
    }
  };
  details.addEventListener('toggle', fill);
  fill();
  return details;
}

function more(body: HTMLElement, value: Row, keys: string[], from: number, buffers: Buffer[]): void {
  body.append(...keys.slice(from, from + PIECE).map(key => tree(value[key], buffers, key, false)));
  if (keys.length > from + PIECE) {
    body.append(button(`show more (${keys.length - from - PIECE} left)`, () => more(body, value, keys, from + PIECE, buffers)));
  }
}

/** Make a button that works once and is replaced by its result. */
function button(text: string, act: () => void): HTMLElement {
  const made: HTMLElement = h(
    'button',
    {
      class: 'floe-link',
      'data-cmd': 'more',
      click: () => {
        made.remove();
        act();
      }
    },
    text
  );
  return made;
}

function leaf(value: unknown): HTMLElement {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  const made = h('span', { class: `floe-${value === null ? 'null' : typeof value}` }, text.slice(0, TEXT));
  const next = (from: number) => {
    if (text.length > from) {
      made.append(
        button(`… show more (${text.length - from} characters left)`, () => {
          made.append(text.slice(from, from + 10 * TEXT));
          next(from + 10 * TEXT);
        })
      );
    }
  };
  next(TEXT);
  return made;
}

type Row = Record<string, unknown>;

/** Return the rows of a table: two or more flat objects with the same keys. */
function asRows(value: object): Row[] | null {
  if (
    !Array.isArray(value) ||
    value.length < 2 ||
    value.slice(0, PIECE).some(v => v === null || typeof v !== 'object' || Array.isArray(v) || tagOf(v as object))
  ) {
    return null;
  }
  const keys = keysOf(value[0] as Row);
  return keys && value.slice(0, PIECE).every(v => keysOf(v as Row) === keys) ? (value as Row[]) : null;
}

const keysOf = (row: Row) => Object.keys(row).join('\n');

function table(rows: Row[], buffers: Buffer[]): HTMLElement {
  const keys = Object.keys(rows[0]);
  const body = h('tbody');
  const fill = (from: number) => {
    body.append(
      ...rows
        .slice(from, from + PIECE)
        .map((row, i) =>
          h(
            'tr',
            {},
            h('th', {}, String(from + i)),
            ...keys.map(key => cell(Object.hasOwn(Object(row), key) ? row[key] : undefined, buffers))
          )
        )
    );
    if (rows.length > from + PIECE) {
      const left = rows.length - from - PIECE;
      const line: HTMLElement = h(
        'tr',
        {},
        h(
          'td',
          { colspan: keys.length + 1 },
          button(`show more (${left} rows left)`, () => {
            line.remove();
            fill(from + PIECE);
          })
        )
      );
      body.append(line);
    }
  };
  fill(0);
  return h(
    'div',
    { class: 'floe-table', tabindex: 0 },
    h('table', {}, h('thead', {}, h('tr', {}, h('th', {}), ...keys.map(key => h('th', {}, short(key, 40))))), body)
  );
}

/** Render a value as the cell of a table. */
export function cell(value: unknown, buffers: Buffer[]): HTMLElement {
  const text =
    value === undefined
      ? ''
      : typeof value === 'string'
        ? leaf(value)
        : value !== null && typeof value === 'object'
          ? tree(value, buffers, '', false)
          : leaf(value);
  return markValue(h('td', { class: typeof value === 'number' ? 'floe-right' : '' }, text), value);
}

/** Return the beginning of a value in one line, for values of any size. */
export function preview(value: unknown, room: number): string {
  if (value === null || typeof value !== 'object') {
    return short(typeof value === 'string' ? JSON.stringify(value.slice(0, room)) : String(value), room);
  }
  const tag = tagOf(value);
  if (tag && tag[0] !== 'escape') {
    return short(tagged(tag, []).textContent!, room);
  }
  let text = '';
  for (const key of Object.keys(value).slice(0, 12)) {
    if (text.length > room) {
      break;
    }
    text += `${text && ', '}${Array.isArray(value) ? '' : `${short(key, 20)}: `}${preview((value as Row)[key], room - text.length)}`;
  }
  return short(Array.isArray(value) ? `[${text}]` : `{${text}}`, room);
}

function short(text: string, room: number): string {
  return text.length > room ? `${text.slice(0, Math.max(1, room - 1)).replace(/[\uD800-\uDBFF]$/, '')}…` : text;
}

/** Return the only message of a recorded batch. */
export function valueOf(batch: Batch): unknown {
  return valuesOf(batch)[0];
}

/** Return the messages of a batch; integers that a number cannot hold stay exact. */
export function valuesOf(batch: Batch): unknown[] {
  return parsed(payloadOf(batch)) as unknown[];
}

/** Return the JSON text of a batch. */
export function payloadOf({ payload }: Batch): string {
  return new TextDecoder().decode(Uint8Array.from(atob(payload), c => c.charCodeAt(0)));
}

/** Return the value of a JSON text. */
export function parsed(text: string): unknown {
  const exact = (_: string, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
      ? BigInt(context!.source!)
      : value;
  return JSON.parse(text, exact as never);
}

/** Return the buffers of each message of a batch. */
export function buffersOf({ n, buffers = [], counts }: Batch): Buffer[][] {
  let at = 0;
  return Array.from({ length: n }, (_, i) => buffers.slice(at, (at += counts?.[i] ?? (n === 1 ? buffers.length : 0))));
}
