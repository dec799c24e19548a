/** Storage of the browser between visits: heights, folded parts. A page without permission to store starts afresh each time. */

const KEY = 'floe-jupyter';
/** Maximum number of values kept; the oldest goes first. */
const MOST = 200;

/** Return the value kept under a name; undefined if none is. */
export function storedValue(name: string): unknown {
  return storedValues()[name];
}

/** Keep a value under a name; undefined forgets the name. */
export function storeValue(name: string, value: unknown): void {
  const { [name]: _, ...others } = storedValues();
  const entries = [...Object.entries(others).slice(1 - MOST), ...(value === undefined ? [] : [[name, value]])];
  try {
    localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(entries)));
  } catch {
    // not allowed, or full
  }
}

function storedValues(): Record<string, unknown> {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
