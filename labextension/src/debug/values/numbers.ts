/** Numbers in a buffer of numpy's. */

import type { Buffer } from '../../wire';

export type Numbers = { readonly length: number; [index: number]: number | bigint };

const DTYPES = new Map<string, new (data: ArrayBuffer) => Numbers>([
  ['f4', Float32Array],
  ['f8', Float64Array],
  ['i1', Int8Array],
  ['i2', Int16Array],
  ['i4', Int32Array],
  ['i8', BigInt64Array],
  ['u1', Uint8Array],
  ['u2', Uint16Array],
  ['u4', Uint32Array],
  ['u8', BigUint64Array]
]);

/** Return the numbers of a buffer; null for another type, or if the data did not come along. */
export function numbersOf(dtype: string, buffer: Buffer): Numbers | null {
  const type = DTYPES.get(short(dtype));
  if (!type || !buffer.data || dtype.startsWith('>')) {
    return null;
  }
  const raw = Uint8Array.from(atob(buffer.data), c => c.charCodeAt(0));
  const size = Number(short(dtype).slice(1));
  return new type(raw.buffer.slice(0, raw.length - (raw.length % size)));
}

/** Return the short form of a type, as numpy writes `<f8` or `float64`. */
function short(dtype: string): string {
  const found = /^(float|int|uint)(\d+)$/.exec(dtype);
  return found ? `${found[1][0]}${Number(found[2]) / 8}` : dtype.replace(/^[<|=]/, '');
}
