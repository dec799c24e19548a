/** First rows of a pandas table, read from the buffers that travel beside the value (`runtimes/README.md`, tag `frame`). */

import type { Buffer } from '../../wire';
import { h } from '../../page/dom';
import { numbersOf } from './numbers';

/** Maximum numbers of rows and columns shown. */
const ROWS = 5,
  COLUMNS = 12;
/** Units of numpy's moments, in milliseconds. */
const UNITS: Record<string, number> = { D: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1, us: 1e-3, ns: 1e-6 };

/** Getter of a column's value in a row; undefined for a value that cannot be read in the page. */
type Column = (row: number) => unknown;
const UNKNOWN: Column = () => undefined;

/** Render the first rows; null if the buffers did not come along. */
export function headOf(head: unknown, buffers: Buffer[]): HTMLElement | null {
  const { rows, columns, index, blocks, others } = head as Record<string, unknown>;
  if (!buffers.some(b => b.data) || !Array.isArray(blocks) || !Array.isArray(others)) {
    return null;
  }
  const found = new Map<number, Column>();
  for (const [positions, block] of blocks as Array<[number[], unknown]>) {
    const whole = array(block, buffers);
    positions.forEach((at, i) => found.set(at, row => whole(i * Number(rows) + row)));
  }
  for (const [at, column] of others as Array<[number, unknown]>) {
    found.set(at, columnOf(column, buffers));
  }
  const names = labels(columns, buffers);
  const side = labels(index, buffers);
  const shown = [...found.keys()].sort((a, b) => a - b).slice(0, COLUMNS);
  const count = Math.min(Number(rows) || 0, ROWS);
  const line = (row: number) => h('tr', {}, h('th', {}, cellText(side(row))), ...shown.map(at => cell(found.get(at)!(row))));
  return h(
    'div',
    { class: 'floe-table', tabindex: 0 },
    h(
      'table',
      {},
      h(
        'thead',
        {},
        h('tr', {}, h('th', {}), ...shown.map(at => h('th', {}, cellText(names(at)))), found.size > COLUMNS && h('th', {}, '…'))
      ),
      h('tbody', {}, ...Array.from({ length: count }, (_, row) => line(row)))
    )
  );
}

function cell(value: unknown): HTMLElement {
  return h('td', { class: typeof value === 'number' || typeof value === 'bigint' ? 'floe-right' : '' }, cellText(value));
}

function cellText(value: unknown): string {
  return value === undefined
    ? '…'
    : value === null
      ? ''
      : typeof value === 'object'
        ? JSON.stringify(value).slice(0, 80)
        : String(value).slice(0, 200);
}

/** Return the names of columns, or of rows. */
function labels(index: unknown, buffers: Buffer[]): Column {
  const { range, values } = (index ?? {}) as { range?: number[]; values?: unknown };
  return range ? row => range[0] + row * range[2] : values ? columnOf(values, buffers) : row => row;
}

function columnOf(column: unknown, buffers: Buffer[]): Column {
  const [kind, ...rest] = Array.isArray(column) ? column : [''];
  switch (kind) {
    case 'plain':
      return array(rest[0], buffers);
    case 'string':
      return columnOf(rest[rest.length - 1], buffers);
    case 'utf8':
      return texts(rest, buffers, false);
    case 'text':
      return texts(rest, buffers, true);
    case 'cells':
      return Array.isArray(rest[0]) ? row => (rest[0] as unknown[])[row] : UNKNOWN;
    case 'category': {
      const codes = array(rest[0], buffers),
        names = labels(rest[1], buffers);
      return row => {
        const code = Number(codes(row));
        return code < 0 ? null : names(code);
      };
    }
    default:
      return UNKNOWN;
  }
}

/** Read a column of texts: bytes, then where each text begins or (`lengths`) its number of characters, then the missing rows. */
function texts([bytes, places, missing]: unknown[], buffers: Buffer[], lengths: boolean): Column {
  const data = buffers[Number(args(bytes)?.[1])]?.data;
  if (data === undefined || data === null) {
    return UNKNOWN;
  }
  const raw = Uint8Array.from(atob(data), c => c.charCodeAt(0));
  const at = array(places, buffers),
    gone = missing ? array(missing, buffers) : () => 0;
  const decode = (from: number, to: number) => new TextDecoder().decode(raw.subarray(from, to));
  const whole = lengths ? [...decode(0, Math.min(raw.length, 100_000))] : [];
  const begin = (row: number): number => {
    let sum = 0;
    for (let i = 0; i < row; i++) {
      sum += Number(at(i));
    }
    return sum;
  };
  return row => {
    if (Number(gone(row))) {
      return null;
    }
    return lengths
      ? whole.slice(begin(row), begin(row) + Number(at(row))).join('')
      : decode(Number(at(row)), Number(at(row + 1)));
  };
}

function array(tag: unknown, buffers: Buffer[]): Column {
  const found = args(tag);
  const dtype = String(found?.[2] ?? ''),
    buffer = buffers[Number(found?.[1])];
  const unit = /^<M8\[(\w+)\]$/.exec(dtype)?.[1];
  const numbers = buffer && numbersOf(unit ? '<i8' : dtype === '|b1' ? '|u1' : dtype, buffer);
  if (!numbers) {
    return UNKNOWN;
  }
  return row => {
    const value = numbers[row];
    return dtype === '|b1' ? Boolean(value) : unit ? moment(value as bigint, unit) : value;
  };
}

const NAT = -(1n << 63n);

function moment(value: bigint, unit: string): string | null | undefined {
  const size = UNITS[unit];
  return value === NAT
    ? null
    : size
      ? new Date(Number(value) * size)
          .toISOString()
          .replace('T', ' ')
          .replace(/( 00:00:00)?\.000Z$|Z$/, '')
      : undefined;
}

/** Return the parts of a tag. */
function args(value: unknown): unknown[] | null {
  const tag = (value as { $floe?: unknown } | null)?.$floe;
  return Array.isArray(tag) ? tag : null;
}
