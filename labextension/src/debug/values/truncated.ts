/** Values of which only the beginning of the text and the size are known: tag `short`, returned by `latest`. */

import { h } from '../../page/dom';
import { size, tagOf } from './tagged';
import { parsed, preview, tree } from './tree';

/** Return the value of a JSON text; the text itself if not JSON. */
export function parseOrText(text: string): unknown {
  try {
    return parsed(text);
  } catch {
    return text;
  }
}

/** Beginning of a value's JSON text, and the size of the whole text in bytes. */
export interface Truncated {
  text: string;
  size: number;
}

/** Return the known beginning and size of a value too long to be kept; null for a whole value. */
export function truncatedOf(value: unknown): Truncated | null {
  const tag = typeof value === 'object' && value !== null ? tagOf(value) : null;
  return tag?.[0] === 'short' ? { text: String(tag[1]), size: Number(tag[2]) } : null;
}

/** Return a value in a few words. */
export function summary(value: unknown, room: number): string {
  const truncated = truncatedOf(value);
  return truncated ? `${preview(parseTruncated(truncated.text), room)} … ${size(truncated.size)} in all` : preview(value, room);
}

/** Render a value, or the beginning and size of a value too long to be kept. */
export function renderValue(value: unknown): HTMLElement {
  const truncated = truncatedOf(value);
  return truncated
    ? h(
        'div',
        {},
        tree(parseTruncated(truncated.text)),
        h('p', { class: 'floe-hint' }, `… ${size(truncated.size)} in all; only the beginning is kept.`)
      )
    : tree(value);
}

/** Parse the beginning of a JSON text, closed at the cut: inside a string at the cut, otherwise behind the last whole item. */
function parseTruncated(text: string): unknown {
  const open: string[] = [];
  const closed = () => [...open].reverse().join('');
  let whole = '';
  for (const { 0: sign, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|["[\]{},]/g)) {
    if (sign === '"') {
      const found = parseOrText(`${text.replace(/\\(u[0-9a-fA-F]{0,3})?$/, '')}"${closed()}`);
      return typeof found === 'string' && open.length ? parseOrText(whole || text) : found;
    }
    if (sign === '[' || sign === '{') {
      open.push(sign === '[' ? ']' : '}');
    } else if (sign === ']' || sign === '}') {
      open.pop();
    } else if (sign === ',') {
      whole = text.slice(0, index) + closed();
    }
  }
  return parseOrText(whole || text);
}
