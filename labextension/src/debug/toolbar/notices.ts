/**
 * Short notices beside the buttons: the outcome of the run and the last action, each with a link to its subject.
 *
 * Notices stand in the row of the toolbar to keep the picture still when a notice comes or goes.
 */

import { h } from '../../page/dom';

/** Button of a notice; `cmd` becomes its `data-cmd`. */
export interface Link {
  label: string;
  cmd: string;
  act(): void;
}
/** Text with its links. */
export interface Notice {
  text: string;
  links: Link[];
}

export class Notices {
  private readonly outcome = h('span', { class: 'floe-news', 'data-news': 'state', hidden: true });
  private readonly action = h('span', { class: 'floe-news', 'data-news': 'done', hidden: true });
  readonly node = h('div', { class: 'floe-newsline', role: 'status', 'aria-live': 'polite' }, this.action, this.outcome);
  private shown = '';

  /** Show the outcome of the run; null for no news. */
  showOutcome(notice: Notice | null): void {
    const digest = JSON.stringify(notice);
    if (digest !== this.shown) {
      this.shown = digest;
      fill(this.outcome, notice);
    }
  }

  /** Show the last action. The notice stays until the next notice, or until closed. */
  announce(notice: Notice | null): void {
    fill(
      this.action,
      notice && { ...notice, links: [...notice.links, { label: '✕', cmd: 'dismiss', act: () => this.announce(null) }] }
    );
  }

  /** Return the first link with this name in the notice of the last action; null if none has. */
  link(cmd: string): HTMLButtonElement | null {
    return this.action.querySelector<HTMLButtonElement>(`[data-cmd="${cmd}"]`);
  }
}

function fill(place: HTMLElement, notice: Notice | null): void {
  place.hidden = !notice;
  place.replaceChildren(...(notice ? [h('span', { title: notice.text }, notice.text), ...notice.links.map(link)] : []));
}

function link({ label, cmd, act }: Link): HTMLElement {
  return h(
    'button',
    { class: 'floe-link', 'data-cmd': cmd, click: act, ...(cmd === 'dismiss' ? { 'aria-label': 'Close this notice' } : {}) },
    label
  );
}
