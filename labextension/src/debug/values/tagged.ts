/** Values that JSON cannot express (`runtimes/README.md`), shown to people: pictures, arrays, dates, large integers. */

import type { Buffer } from '../../wire';
import { h } from '../../page/dom';
import { numbersOf } from './numbers';
import { headOf } from './pandas';

/** Return the kind and arguments of a tag; null for an ordinary value. */
export function tagOf(value: object): unknown[] | null {
  const tag = Object.hasOwn(value, '$floe') ? (value as { $floe: unknown }).$floe : null;
  return Array.isArray(tag) && Object.keys(value).length === 1 ? tag : null;
}

/** Render the value of a tag; `buffers` are those of its message. */
export function tagged([kind, ...rest]: unknown[], buffers: Buffer[]): HTMLElement {
  const buffer = isBuffer(rest[0]) ? buffers[rest[0]] : undefined;
  switch (kind) {
    case 'bytes':
      return bytes(buffer);
    case 'array':
      return label(array(String(rest[1]), rest[2], buffer));
    case 'table':
      return label(`table (${String(rest[1])}${buffer ? `, ${size(buffer.size)}` : ''})`);
    case 'frame':
      return h('div', {}, label(pandasText(kind, rest[0])), headOf(rest[0], buffers));
    case 'series':
    case 'index':
      return label(pandasText(kind, rest[0]));
    case 'int':
    case 'float':
    case 'date':
    case 'day':
    case 'timestamp':
      return label(String(rest[0]));
    default:
      return label([kind, ...rest].map(String).join(' '));
  }
}

/** Return the kind of a pandas table, its size and the types of its columns. */
function pandasText(kind: string, head: unknown): string {
  const { rows, dtypes, dtype } = (head ?? {}) as { rows?: unknown; dtypes?: unknown; dtype?: unknown };
  const types = Array.isArray(dtypes) ? dtypes.map(String) : [];
  const sides = kind === 'frame' ? `${String(rows)} × ${types.length}` : String(rows ?? '');
  const shown = kind === 'frame' ? types.slice(0, 8).join(', ') + (types.length > 8 ? ', …' : '') : String(dtype ?? '');
  return `${kind === 'frame' ? 'table' : kind} (pandas${sides && `, ${sides}`}${shown && `: ${shown}`})`;
}

/** Return true if the value contains bytes, arrays or tables, which travel beside the value. */
export function hasBuffers(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const tag = tagOf(value);
  return tag ? isBuffer(tag[1]) || tag.some(hasBuffers) : Object.values(value).some(hasBuffers);
}

/** Return true if the first argument of a tag is the number of its buffer. */
const isBuffer = (argument: unknown): argument is number => typeof argument === 'number';

const label = (text: string) => h('span', { class: 'floe-tagged' }, text);

/** Image types that a browser draws without running code; SVG and HTML are excluded. */
const PICTURES: Array<[string, RegExp]> = [
  ['image/png', /^\x89PNG\r\n\x1a\n/],
  ['image/jpeg', /^\xff\xd8\xff/],
  ['image/gif', /^GIF8[79]a/],
  ['image/webp', /^RIFF[^]{4}WEBP/]
];

function bytes(buffer: Buffer | undefined): HTMLElement {
  if (!buffer?.data) {
    return label(buffer ? `bytes, ${size(buffer.size)}` : 'bytes');
  }
  const start = atob(buffer.data.slice(0, 64));
  const type = PICTURES.find(([, magic]) => magic.test(start))?.[0];
  if (type) {
    return h('img', { class: 'floe-picture', src: `data:${type};base64,${buffer.data}`, alt: `${type}, ${size(buffer.size)}` });
  }
  const hex = [...start]
    .slice(0, 24)
    .map(c => c.charCodeAt(0).toString(16).padStart(2, '0'))
    .join(' ');
  return label(`bytes, ${size(buffer.size)}: ${hex}${buffer.size > 24 ? ' …' : ''}`);
}

/** Maximum size in bytes of an array whose least and greatest numbers are searched for. */
const SEARCHED = 8 << 20;

function array(dtype: string, shape: unknown, buffer: Buffer | undefined): string {
  const sides = Array.isArray(shape) ? shape.map(String).join(' × ') : '';
  return `array ${dtype} [${sides}]${buffer ? range(dtype, buffer) : ''}`;
}

function range(dtype: string, buffer: Buffer): string {
  const numbers = buffer.size > SEARCHED ? null : numbersOf(dtype, buffer);
  if (!numbers) {
    return '';
  }
  let least = numbers[0],
    most = numbers[0];
  for (let i = 1; i < numbers.length; i++) {
    least = numbers[i] < least ? numbers[i] : least;
    most = numbers[i] > most ? numbers[i] : most;
  }
  return numbers.length ? `, ${least} to ${most}` : ', empty';
}

/** Return a number of bytes in words: `1.5 KiB`. */
export function size(count: number): string {
  return count < 1024
    ? `${count} bytes`
    : count < 1 << 20
      ? `${(count / 1024).toFixed(1)} KiB`
      : `${(count / (1 << 20)).toFixed(1)} MiB`;
}
