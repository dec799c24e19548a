/** A port of a node, and the breakpoint on it: looks as in an IDE. */

import type { BreakMark, Side } from './model';
import { element, set, write } from './svg';

/** Filled, hollow, with two bars, or a diamond. */
export type Look = 'none' | 'on' | 'off' | 'conditional' | 'log';

const CIRCLE = 'M-6,0a6,6 0 1,0 12,0a6,6 0 1,0 -12,0z';
const DIAMOND = 'M0,-7L7,0L0,7L-7,0z';
const WORDS: Record<Look, string> = {
  none: 'click to set a breakpoint', on: 'breakpoint', off: 'breakpoint, switched off', conditional: 'breakpoint with a condition', log: 'log point'
};

export class Dot {
  readonly group: SVGGElement;
  private readonly mark = element('path', { class: 'mark-shape', d: CIRCLE });
  private readonly title = element('title');

  constructor(readonly side: Side, readonly port: string, private readonly one: boolean, x: number, y: number) {
    this.group = element('g', {
      class: 'dot', 'data-bp': side, 'data-port': port, transform: `translate(${x},${y})`, role: 'button'
    }, this.title, element('circle', { class: 'reach', r: 10 }), element('circle', { class: 'port', r: 3.5 }), this.mark,
    element('path', { class: 'bars', d: 'M-3,-1.6h6M-3,1.6h6' }));
    this.show([]);
  }

  /** What a new breakpoint here is set on: all of the side where there is but one port. */
  get target(): string {
    return this.one ? '' : this.port;
  }

  /** Of the breakpoints on this node and side, those on this port decide the look; an enabled one wins. */
  show(all: BreakMark[]): void {
    const mine = all.filter(b => !b.port || b.port === this.port);
    const look = lookOf(mine.find(b => b.enabled) ?? mine[0]);
    if (set2(this.group, look)) {
      this.mark.setAttribute('d', look === 'log' ? DIAMOND : CIRCLE);
      this.group.setAttribute('aria-pressed', String(look !== 'none'));
    }
    const text = `${this.side === 'in' ? 'In front' : 'Behind'} (${this.port}): ${describe(mine) || WORDS[look]}`;
    write(this.title, text);
    set(this.group, 'aria-label', text);
  }
}

function set2(group: Element, look: Look): boolean {
  const changed = group.getAttribute('data-look') !== look;
  group.setAttribute('data-look', look);
  return changed;
}

export function lookOf(given: BreakMark | undefined): Look {
  if (!given) {
    return 'none';
  }
  if (!given.enabled) {
    return 'off';
  }
  return given.log ? 'log' : given.when || given.hits > 1 ? 'conditional' : 'on';
}

function describe(all: BreakMark[]): string {
  return all.map(b => [WORDS[lookOf(b)], b.when && `when ${b.when}`, b.hits > 1 && `from hit ${b.hits}`, b.log && `logs ${b.log}`]
    .filter(Boolean).join(', ')).join('\n');
}
