/** Column of sections, updated piece by piece: unchanged sections, and sections being typed into, stay untouched. */

import { h } from '../../page/dom';
import { keepFocus } from './focus';

/** Section of the inspector; its content is made by `make` when the section is opened. */
export interface Section {
  key: string;
  title: string;
  /** Beginning of the content, to tell closed sections apart. */
  hint?: string;
  /** Equal digests mean equal content. */
  digest: unknown;
  open?: boolean;
  /** True for the section to look at, which is opened on becoming the lead even if closed by hand before. */
  lead?: boolean;
  data?: Record<string, string>;
  make(): HTMLElement;
}

interface Shown {
  node: HTMLDetailsElement;
  digest: string;
  lead: boolean;
}

export class Sections {
  private shown = new Map<string, Shown>();

  constructor(private readonly host: HTMLElement) {}

  show(wanted: Section[]): void {
    const next = new Map<string, Shown>();
    const restoreFocus = keepFocus(this.host);
    for (const section of wanted) {
      next.set(section.key, this.updated(section));
    }
    for (const [key, { node }] of this.shown) {
      if (!next.has(key)) {
        node.remove();
      }
    }
    this.shown = next;
    this.order();
    restoreFocus();
    this.scrollToSought();
  }

  private sought: [string, string] | null = null;

  /** Open the first section of a kind (and for a held message) as soon as made, and scroll to the section. */
  reveal(kind: string, held: string): void {
    this.sought = [kind, held];
    this.scrollToSought();
  }

  private scrollToSought(): void {
    const [kind, held] = this.sought ?? ['', ''];
    const found = [...this.shown.values()].find(
      ({ node }) => kind && node.dataset.section === kind && (!held || node.dataset.held === held)
    );
    const scroller = this.host.parentElement;
    if (found && scroller) {
      this.sought = null;
      found.node.open = true;
      scroller.scrollTop += found.node.getBoundingClientRect().top - scroller.getBoundingClientRect().top - 4;
    }
  }

  private updated(section: Section): Shown {
    const { lead = false } = section;
    const digest = JSON.stringify([section.title, section.digest]);
    const old = this.shown.get(section.key);
    const same = old && (old.digest === digest || busy(old.node));
    const node = same ? old.node : build(section, old?.node);
    if (old && !same) {
      old.node.replaceWith(node);
    }
    if (lead && !old?.lead) {
      node.open = true;
      fill(node, section);
    }
    return { node, digest: same ? old.digest : digest, lead };
  }

  /** Put the sections in order, moving only misplaced ones: moving takes the focus away. */
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

/** Return true while the person types in a section. */
function busy(node: HTMLElement): boolean {
  const active = node.ownerDocument.activeElement;
  return (
    node.querySelector('[data-dirty]') !== null ||
    (node.contains(active) && Boolean(active?.matches('input:not([type=checkbox]), textarea')))
  );
}

function build(section: Section, old?: HTMLDetailsElement): HTMLDetailsElement {
  const node = h(
    'details',
    { class: 'floe-section', open: old ? old.open : (section.open ?? true), 'data-section': section.key.split(':')[0] },
    h('summary', {}, section.title, section.hint && h('span', { class: 'floe-preview' }, ` ${section.hint}`)),
    h('div', { class: 'floe-body' })
  );
  Object.assign(node.dataset, section.data);
  node.addEventListener('toggle', () => fill(node, section));
  fill(node, section);
  return node;
}

/** Make the content of a section unless closed: content is made only on opening. */
function fill(node: HTMLDetailsElement, section: Section): void {
  const body = node.lastElementChild!;
  if (node.open && !body.childNodes.length) {
    body.append(section.make());
  }
}
