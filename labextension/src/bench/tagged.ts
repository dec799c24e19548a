/** Values that JSON cannot say (`runtimes/README.md`), as people read them: pictures, arrays, dates, large integers. */

import type { Buffer } from '../wire';
import { h } from './dom';

/** The tag's kind and arguments; null for an ordinary value. */
export function tagOf(value: object): unknown[] | null {
  const tag = Object.hasOwn(value, '$floe') ? (value as { $floe: unknown }).$floe : null;
  return Array.isArray(tag) && Object.keys(value).length === 1 ? tag : null;
}

export function tagged([kind, ...rest]: unknown[], buffers: Buffer[]): HTMLElement {
  const buffer = isBuffer(rest[0]) ? buffers[rest[0]] : undefined;
  switch (kind) {
    case 'bytes': return bytes(buffer);
    case 'array': return said(array(String(rest[1]), rest[2], buffer));
    case 'table': return said(`table (${String(rest[1])}${buffer ? `, ${size(buffer.size)}` : ''})`);
    case 'int': case 'float': case 'date': case 'day': return said(String(rest[0]));
    default: return said([kind, ...rest].map(String).join(' '));
  }
}

/** Something in it is bytes, an array or a table, which travel beside the value. */
export function hasBuffers(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const tag = tagOf(value);
  return tag ? isBuffer(tag[1]) : Object.values(value).some(hasBuffers);
}

/** A tag's first argument is the number of its buffer, where it has one. */
const isBuffer = (argument: unknown): argument is number => typeof argument === 'number';

const said = (text: string) => h('span', { class: 'floe-tagged' }, text);

/** Only what a browser draws without running anything; SVG and HTML are not among them. */
const PICTURES: Array<[string, RegExp]> = [
  ['image/png', /^\x89PNG\r\n\x1a\n/], ['image/jpeg', /^\xff\xd8\xff/], ['image/gif', /^GIF8[79]a/], ['image/webp', /^RIFF[^]{4}WEBP/]
];

function bytes(buffer: Buffer | undefined): HTMLElement {
  if (!buffer?.data) {
    return said(buffer ? `bytes, ${size(buffer.size)}` : 'bytes');
  }
  const start = atob(buffer.data.slice(0, 64));
  const type = PICTURES.find(([, magic]) => magic.test(start))?.[0];
  if (type) {
    return h('img', { class: 'floe-picture', src: `data:${type};base64,${buffer.data}`, alt: `${type}, ${size(buffer.size)}` });
  }
  const hex = [...start].slice(0, 24).map(c => c.charCodeAt(0).toString(16).padStart(2, '0')).join(' ');
  return said(`bytes, ${size(buffer.size)}: ${hex}${buffer.size > 24 ? ' …' : ''}`);
}

type Numbers = { readonly length: number; [index: number]: number | bigint };
const DTYPES = new Map<string, new (data: ArrayBuffer) => Numbers>([
  ['f4', Float32Array], ['f8', Float64Array], ['i1', Int8Array], ['i2', Int16Array], ['i4', Int32Array], ['i8', BigInt64Array],
  ['u1', Uint8Array], ['u2', Uint16Array], ['u4', Uint32Array], ['u8', BigUint64Array]
]);
/** Larger arrays are not searched for their least and greatest numbers, in bytes. */
const SEARCHED = 8 << 20;

function array(dtype: string, shape: unknown, buffer: Buffer | undefined): string {
  const sides = Array.isArray(shape) ? shape.map(String).join(' × ') : '';
  return `array ${dtype} [${sides}]${buffer ? range(dtype, buffer) : ''}`;
}

function range(dtype: string, buffer: Buffer): string {
  const type = DTYPES.get(short(dtype));
  if (!type || !buffer.data || buffer.size > SEARCHED || dtype.startsWith('>')) {
    return '';
  }
  const raw = Uint8Array.from(atob(buffer.data), c => c.charCodeAt(0));
  const numbers = new type(raw.buffer.slice(0, raw.length - raw.length % 8 || raw.length));
  let least = numbers[0], most = numbers[0];
  for (let i = 1; i < numbers.length; i++) {
    least = numbers[i] < least ? numbers[i] : least;
    most = numbers[i] > most ? numbers[i] : most;
  }
  return numbers.length ? `, ${least} to ${most}` : ', empty';
}

/** numpy writes `<f8` or `float64`. */
function short(dtype: string): string {
  const found = /^(float|int|uint)(\d+)$/.exec(dtype);
  return found ? `${found[1][0]}${Number(found[2]) / 8}` : dtype.replace(/^[<|=]/, '');
}

export function size(count: number): string {
  return count < 1024 ? `${count} bytes` : count < 1 << 20 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / (1 << 20)).toFixed(1)} MiB`;
}
