/** Values to be pasted elsewhere. */

/** Value shown by each element of a tree. */
const values = new WeakMap<Element, unknown>();

/** Note the value that an element shows, for `valueAt`; returns the element. */
export function markValue<E extends Element>(element: E, value: unknown): E {
  values.set(element, value);
  return element;
}

/** Return the value shown at an element; undefined if none is. */
export function valueAt(element: Element | null): { value: unknown } | undefined {
  for (let at = element; at; at = at.parentElement) {
    if (values.has(at)) {
      return { value: values.get(at) };
    }
  }
  return undefined;
}

/** Return a value as JSON; integers stay exact. */
export function toJson(value: unknown): string {
  const exact = (JSON as { rawJSON?: (text: string) => unknown }).rawJSON;
  return (
    JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? (exact?.(String(part)) ?? String(part)) : part), 2) ??
    ''
  );
}

/** Put a text into the clipboard. Raises if the page is not allowed to. */
export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyByCommand(text); // a page without TLS has no `navigator.clipboard`
  }
}

function copyByCommand(text: string): void {
  const area = Object.assign(document.createElement('textarea'), { value: text });
  area.style.cssText = 'position: fixed; opacity: 0';
  const focus = document.activeElement as HTMLElement | null;
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  focus?.focus({ preventScroll: true });
  if (!done) {
    throw new Error('The browser does not let this page copy: mark the text and copy it by hand.');
  }
}
