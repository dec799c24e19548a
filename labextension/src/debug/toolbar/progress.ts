/** Progress of a run with an end, and long work under way. */

import { short } from '../../graph/model';
import type { RunInfo, View } from '../../wire';
import { h } from '../../page/dom';

export class Progress {
  private readonly bar = h('progress', { 'aria-label': 'Messages taken in' });
  private readonly words = h('span');
  private readonly line = h('div', { class: 'floe-progress', hidden: true }, this.bar, this.words);
  private readonly works = h('div', { class: 'floe-work', role: 'status', hidden: true });
  readonly node = h('div', {}, this.line, this.works);
  private shown = '';

  /** `entries`: nodes that the run's messages are fed to. */
  show(view: View | null, info: RunInfo | null, total: number, entries: Set<string>, work: Map<string, string>): void {
    const fed = info?.fed ?? 0;
    const all = total || fed;
    // the number of messages is unknown: a bar without an end
    const open = !total && !info?.closed;
    const taken = view?.nodes.filter(n => entries.has(n.id)).map(n => n.taken ?? 0) ?? [];
    const done = Math.min(all, taken.length ? Math.min(...taken) : 0);
    const going = info?.status === 'active' || info?.status === 'held';
    const state = JSON.stringify([going, done, all, open, [...work]]);
    if (state === this.shown) {
      return;
    }
    this.shown = state;
    this.line.hidden = !going || all < 2;
    this.bar.max = all || 1;
    if (open) {
      this.bar.removeAttribute('value');
    } else {
      this.bar.value = done;
    }
    this.words.textContent = open ? `${short(done)} taken in` : `${short(done)} of ${short(all)} taken in`;
    this.works.hidden = !work.size;
    this.works.replaceChildren(...[...work].slice(-4).map(([what, text]) => h('div', { 'data-work': what }, `${what}: ${text}`)));
  }
}
