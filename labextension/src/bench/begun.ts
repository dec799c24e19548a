/** Values of which only the beginning of the text and the size are known: tag `short`, returned by `latest`. */

import { h } from './dom';
import { size, tagOf } from './tagged';
import { parsed, preview, tree } from './tree';

/** Return the value of a JSON text; the text itself if not JSON. */
export function read(text: string): unknown {
  try {
    return parsed(text);
  } catch {
    return text;
  }
}

export interface Begun { text: string; size: number }

/** Return the known beginning and size of a value too long to be kept; null for a whole value. */
export function begunOf(value: unknown): Begun | null {
  const tag = typeof value === 'object' && value !== null ? tagOf(value) : null;
  return tag?.[0] === 'short' ? { text: String(tag[1]), size: Number(tag[2]) } : null;
}

/** Return a value in a few words. */
export function brief(value: unknown, room: number): string {
  const begun = begunOf(value);
  return begun ? `${preview(opened(begun.text), room)} … ${size(begun.size)} in all` : preview(value, room);
}

/** Render a value, or the beginning and size of a value too long to be kept. */
export function shown(value: unknown): HTMLElement {
  const begun = begunOf(value);
  return begun ? h('div', {}, tree(opened(begun.text)), h('p', { class: 'floe-hint' }, `… ${size(begun.size)} in all; only the beginning is kept.`)) : tree(value);
}

/** Parse the beginning of a JSON text, closed at the cut: inside a string at the cut, otherwise behind the last whole item. */
function opened(text: string): unknown {
  const open: string[] = [];
  const closed = () => [...open].reverse().join('');
  let whole = '';
  for (const { 0: sign, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|["[\]{},]/g)) {
    if (sign === '"') {
      const found = read(`${text.replace(/\\(u[0-9a-fA-F]{0,3})?$/, '')}"${closed()}`);
      return typeof found === 'string' && open.length ? read(whole || text) : found;
    }
    if (sign === '[' || sign === '{') {
      open.push(sign === '[' ? ']' : '}');
    } else if (sign === ']' || sign === '}') {
      open.pop();
    } else if (sign === ',') {
      whole = text.slice(0, index) + closed();
    }
  }
  return read(whole || text);
}
