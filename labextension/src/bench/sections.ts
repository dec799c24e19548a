/** A column of sections that is brought up to date piece by piece: what did not change, or is being typed into, stays as it is. */

import { h } from './dom';
import { keepFocus } from './focus';

export interface Section {
  key: string;
  title: string;
  /** The beginning of what is in it, to be told from others while it is closed. */
  hint?: string;
  /** The same sign: the same content. */
  sign: unknown;
  open?: boolean;
  /** It is the one to look at: it is opened when it becomes that, whatever it was before. */
  lead?: boolean;
  data?: Record<string, string>;
  make(): HTMLElement;
}

interface Shown { node: HTMLDetailsElement; sign: string; lead: boolean }

export class Sections {
  private shown = new Map<string, Shown>();

  constructor(private readonly host: HTMLElement) {}

  show(wanted: Section[]): void {
    const next = new Map<string, Shown>();
    const giveBack = keepFocus(this.host);
    for (const section of wanted) {
      next.set(section.key, this.renewed(section));
    }
    for (const [key, { node }] of this.shown) {
      if (!next.has(key)) {
        node.remove();
      }
    }
    this.shown = next;
    this.order();
    giveBack();
  }

  private renewed(section: Section): Shown {
    const { lead = false } = section;
    const sign = JSON.stringify([section.title, section.sign]);
    const old = this.shown.get(section.key);
    const same = old && (old.sign === sign || busy(old.node));
    const node = same ? old.node : build(section, old?.node);
    if (old && !same) {
      old.node.replaceWith(node);
    }
    if (lead && !old?.lead) {
      node.open = true;
      fill(node, section);
    }
    return { node, sign: same ? old.sign : sign, lead };
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
  const node = h('details', { class: 'floe-section', open: old ? old.open : section.open ?? true, 'data-section': section.key.split(':')[0] },
    h('summary', {}, section.title, section.hint && h('span', { class: 'floe-preview' }, ` ${section.hint}`)), h('div', { class: 'floe-body' }));
  Object.assign(node.dataset, section.data);
  node.addEventListener('toggle', () => fill(node, section));
  fill(node, section);
  return node;
}

/** What nobody has opened is not made. */
function fill(node: HTMLDetailsElement, section: Section): void {
  const body = node.lastElementChild!;
  if (node.open && !body.childNodes.length) {
    body.append(section.make());
  }
}
