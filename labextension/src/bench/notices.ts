/**
 * Short notices beside the buttons: the outcome of the run and the last action, each with a link to its subject.
 *
 * Notices stand in the row of the toolbar to keep the picture still when a notice comes or goes.
 */

import { h } from './dom';

export interface Link { label: string; cmd: string; act(): void }
export interface Notice { text: string; links: Link[] }

export class Notices {
  private readonly state = h('span', { class: 'floe-news', 'data-news': 'state', hidden: true });
  private readonly done = h('span', { class: 'floe-news', 'data-news': 'done', hidden: true });
  readonly node = h('div', { class: 'floe-newsline', role: 'status', 'aria-live': 'polite' }, this.done, this.state);
  private shown = '';

  /** Show the outcome of the run; null for no news. */
  tell(notice: Notice | null): void {
    const sign = JSON.stringify(notice);
    if (sign !== this.shown) {
      this.shown = sign;
      fill(this.state, notice);
    }
  }

  /** Show the last action. The notice stays until the next notice, or until closed. */
  say(notice: Notice | null): void {
    fill(this.done, notice && { ...notice, links: [...notice.links, { label: '✕', cmd: 'dismiss', act: () => this.say(null) }] });
  }

  /** Return the first link with this name in the notice of the last action; null if none has. */
  link(cmd: string): HTMLButtonElement | null {
    return this.done.querySelector<HTMLButtonElement>(`[data-cmd="${cmd}"]`);
  }
}

function fill(place: HTMLElement, notice: Notice | null): void {
  place.hidden = !notice;
  place.replaceChildren(...notice ? [h('span', { title: notice.text }, notice.text), ...notice.links.map(link)] : []);
}

function link({ label, cmd, act }: Link): HTMLElement {
  return h('button', { class: 'floe-link', 'data-cmd': cmd, click: act, ...cmd === 'dismiss' ? { 'aria-label': 'Close this notice' } : {} }, label);
}
