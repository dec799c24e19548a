/** Making SVG elements. Text goes in as text, never as markup. */

const SPACE = 'http://www.w3.org/2000/svg';

export function element<K extends keyof SVGElementTagNameMap>(
  name: K, attributes: Record<string, string | number> = {}, ...children: Array<Node | string>
): SVGElementTagNameMap[K] {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, String(value));
  }
  made.append(...children);
  return made;
}

/** Sets text only when it changed: 500 nodes, 20 times a second. */
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

/** Sets an attribute only when it changed. */
export function set(target: Element, name: string, value: string): void {
  if (target.getAttribute(name) !== value) {
    target.setAttribute(name, value);
  }
}

/** Gives what the pointer is over its tooltip: thousands of them would have to be kept up to date otherwise. */
export function explain(target: Element): void {
  const said = target.closest('[aria-label]');
  const text = said?.getAttribute('aria-label');
  if (said && text && said.tagName !== 'svg') {
    const title = said.querySelector(':scope > title') ?? said.insertBefore(element('title'), said.firstChild);
    write(title, text);
  }
}
