/** Helpers to make SVG elements. Text is inserted as text, never as markup. */

const SPACE = 'http://www.w3.org/2000/svg';

/** Make an SVG element. */
export function element<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Record<string, string | number> = {},
  ...children: Array<Node | string>
): SVGElementTagNameMap[K] {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, String(value));
  }
  made.append(...children);
  return made;
}

/** Set a text only if changed, since 500 nodes are updated 20 times a second. */
export function write(target: Element, text: string): void {
  const child = target.firstChild;
  if (child instanceof Text && child === target.lastChild) {
    if (child.data !== text) {
      child.data = text;
    }
  } else if (target.textContent !== text) {
    target.textContent = text;
  }
}

/** Set an attribute only if changed. */
export function set(target: Element, name: string, value: string): void {
  if (target.getAttribute(name) !== value) {
    target.setAttribute(name, value);
  }
}

/** Give the element under the pointer its tooltip: otherwise thousands of tooltips would have to be kept current. */
export function setTooltip(target: Element): void {
  const labelled = target.closest('[aria-label]');
  const text = labelled?.getAttribute('aria-label');
  if (labelled && text && labelled.tagName !== 'svg') {
    const title = labelled.querySelector(':scope > title') ?? labelled.insertBefore(element('title'), labelled.firstChild);
    write(title, text);
  }
}

/** Make the arrowheads of the wires. */
export function arrow(): SVGDefsElement {
  return element(
    'defs',
    {},
    element(
      'marker',
      {
        id: 'floe-arrow',
        viewBox: '0 0 8 8',
        refX: 9.5,
        refY: 4,
        markerWidth: 6,
        markerHeight: 6,
        orient: 'auto'
      },
      element('path', { class: 'arrow', d: 'M0,0L8,4L0,8z' })
    )
  );
}

/** Return the wire under the pointer. */
export function edgeAt({ ownerDocument }: Element, x: number, y: number): string {
  const found = ownerDocument.elementFromPoint(x, y);
  return found ? edgeOf(found) : '';
}

/** Return the wire that an element belongs to; '' if none. */
export function edgeOf(target: Element): string {
  return target.closest('[data-edge]')?.getAttribute('data-edge') ?? '';
}
