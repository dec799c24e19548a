/** Port of a node, and the breakpoint on the port, drawn as in an IDE. */

import type { BreakMark, Side } from '../model';
import { element, set } from './svg';

/** Looks of a breakpoint: a filled circle, a hollow circle, a circle with two bars, or a diamond. */
export type Look = 'none' | 'on' | 'off' | 'conditional' | 'log';

const SHAPES: Record<Exclude<Look, 'none'>, string> = {
  on: 'M-6,0a6,6 0 1,0 12,0a6,6 0 1,0 -12,0z',
  off: 'M-6,0a6,6 0 1,0 12,0a6,6 0 1,0 -12,0z',
  conditional: 'M-6,0a6,6 0 1,0 12,0a6,6 0 1,0 -12,0zM-3,-2.4h6v1.6h-6zM-3,.8h6v1.6h-6z',
  log: 'M0,-7L7,0L0,7L-7,0z'
};
const WORDS: Record<Look, string> = {
  none: 'click to set a breakpoint',
  on: 'breakpoint',
  off: 'breakpoint, switched off',
  conditional: 'breakpoint with a condition',
  log: 'log point'
};

export class Dot {
  readonly group: SVGGElement;
  private readonly port = element('circle', { class: 'port', r: 3.5 });
  private mark: SVGPathElement | null = null;
  private text = '';

  constructor(
    readonly side: Side,
    readonly name: string,
    private readonly one: boolean,
    x: number,
    y: number
  ) {
    this.group = element(
      'g',
      {
        class: 'dot',
        'data-bp': side,
        'data-port': name,
        'data-look': 'none',
        transform: `translate(${x},${y})`,
        role: 'button'
      },
      element('circle', { class: 'reach', r: 10 }),
      this.port
    );
    this.show([]);
  }

  /** Port for a new breakpoint at the dot; '' for the whole side if the side has only one port. */
  get target(): string {
    return this.one ? '' : this.name;
  }

  /** Show the look of the breakpoints on this port, out of all on this node and side; an enabled breakpoint wins. */
  show(all: BreakMark[]): void {
    const mine = all.filter(b => !b.port || b.port === this.name);
    const look = lookOf(mine.find(b => b.enabled) ?? mine[0]);
    this.draw(look);
    const text = `${this.side === 'in' ? 'In front' : 'Behind'} (${this.name}): ${describe(mine) || WORDS[look]}`;
    if (text !== this.text) {
      this.text = text;
      set(this.group, 'aria-label', text);
      set(this.group, 'aria-pressed', String(look !== 'none'));
    }
  }

  private draw(look: Look): void {
    set(this.group, 'data-look', look);
    if (look === 'none') {
      this.mark?.remove();
      this.mark = null;
    } else {
      this.mark ??= this.group.appendChild(element('path', { class: 'mark-shape', 'fill-rule': 'evenodd' }));
      set(this.mark, 'd', SHAPES[look]);
    }
  }
}

/** Return the look of a breakpoint; `none` without one. */
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
  return all
    .map(b =>
      [WORDS[lookOf(b)], b.when && `when ${b.when}`, b.hits > 1 && `from hit ${b.hits}`, b.log && `logs ${b.log}`]
        .filter(Boolean)
        .join(', ')
    )
    .join('\n');
}
