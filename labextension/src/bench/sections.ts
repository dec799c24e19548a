/** A column of sections that is brought up to date piece by piece: what did not change, or is being typed into, stays as it is. */

import { h } from './dom';

export interface Section {
  key: string;
  title: string;
  /** The same sign: the same content. */
  sign: unknown;
  open?: boolean;
  data?: Record<string, string>;
  make(): HTMLElement;
}

interface Shown { node: HTMLDetailsElement; sign: string }

export class Sections {
  private shown = new Map<string, Shown>();

  constructor(private readonly host: HTMLElement) {}

  show(wanted: Section[]): void {
    const next = new Map<string, Shown>();
    for (const section of wanted) {
      const sign = JSON.stringify([section.title, section.sign]);
      const old = this.shown.get(section.key);
      next.set(section.key, old && (old.sign === sign || busy(old.node)) ? old : { node: build(section, old?.node), sign });
      if (old && next.get(section.key) !== old) {
        old.node.replaceWith(next.get(section.key)!.node);
      }
    }
    for (const [key, { node }] of this.shown) {
      if (!next.has(key)) {
        node.remove();
      }
    }
    this.shown = next;
    this.order();
  }

  /** Only what stands elsewhere is moved: moving takes the focus away. */
  private order(): void {
    let at = this.host.firstElementChild;
    for (const { node } of this.shown.values()) {
      if (node === at) {
        at = at.nextElementSibling;
      } else {
        this.host.insertBefore(node, at);
      }
    }
  }
}

/** Somebody is typing there. */
function busy(node: HTMLElement): boolean {
  const active = node.ownerDocument.activeElement;
  return node.querySelector('[data-dirty]') !== null || node.contains(active) && Boolean(active?.matches('input:not([type=checkbox]), textarea'));
}

function build(section: Section, old?: HTMLDetailsElement): HTMLDetailsElement {
  const body = h('div', { class: 'floe-body' });
  const node = h('details', { class: 'floe-section', open: old ? old.open : section.open ?? true, 'data-section': section.key.split(':')[0] },
    h('summary', {}, section.title), body);
  Object.assign(node.dataset, section.data);
  const fill = () => { if (node.open && !body.childNodes.length) { body.append(section.make()); } };
  node.addEventListener('toggle', fill);
  fill();
  return node;
}
