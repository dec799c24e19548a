/** Picture of one wire: number of messages sent, and rate. */

import type { WireView } from '../../wire';
import { short, type ShapeWire } from '../model';
import type { WirePath } from '../drawing';
import { element, set, write } from './svg';
import { cut } from './text';

/** Milliseconds after a message for which a wire counts as moving. */
const MOVING = 600;
/** Pixels that the dashes advance when messages moved, and pixels of a dash with its gap. */
const DASH_STEP = 4,
  DASH = 10;

export class WirePicture {
  readonly group: SVGGElement;
  private readonly line = element('path', { class: 'way' });
  /** Path wider than the line, for the pointer. */
  private readonly grip = element('path', { class: 'grip' });
  private readonly count = element('text', { class: 'count' });
  private readonly speed = element('text', { class: 'rate' });
  private readonly port: string;
  private sent = -1;
  private dash = 0;
  private at = 0;
  private rate = 0;
  private moved = 0;
  private view: WireView | null = null;

  constructor(
    private readonly shape: ShapeWire,
    path: WirePath
  ) {
    const { x, y } = path.label;
    this.port = shape.sourcePort === 'out' ? '' : `${cut(shape.sourcePort, 34, 'small')} `;
    this.count.setAttribute('x', String(x));
    this.count.setAttribute('y', String(y - 4));
    this.speed.setAttribute('x', String(x));
    this.speed.setAttribute('y', String(y + 12));
    this.group = element(
      'g',
      { class: path.quiet ? 'floe-wire quiet' : 'floe-wire', 'data-edge': shape.name },
      this.grip,
      this.line,
      this.count,
      this.speed
    );
    set(this.line, 'd', path.path);
    set(this.grip, 'd', path.path);
    set(this.group, 'aria-label', shape.name);
    write(this.count, this.port);
  }

  /** Last value sent over the wire, in a few words. */
  value = '';

  /** Describe the wire under the pointer. */
  explain(): void {
    const { sent, depth, full } = this.view ?? { sent: 0, depth: 0, full: false };
    set(
      this.group,
      'aria-label',
      `${this.shape.name}\n${sent} sent, ${depth ?? 0} on the way${full ? ', full' : ''}${this.value && `\nlast: ${this.value}`}`
    );
  }

  /** Show a snapshot; returns true if the wire moves, and must be settled later. */
  show(view: WireView, now: number, far: boolean): boolean {
    const more = view.sent - this.sent;
    if (this.sent >= 0 && now > this.at) {
      // smoothed over about a second, to be readable
      const seconds = (now - this.at) / 1000;
      const weight = Math.min(1, seconds);
      this.rate = this.rate * (1 - weight) + Math.max(0, more / seconds) * weight;
      this.moved = more > 0 ? now : this.moved;
    }
    if (this.sent >= 0 && more > 0 && !far) {
      // dashes advance with the snapshots: an animation would repaint the whole graph sixty times a second;
      // from afar wires have no dashes, and moving them would restyle and repaint all wires for nothing
      this.dash = (this.dash + DASH_STEP) % DASH;
      set(this.line, 'stroke-dashoffset', String(-this.dash));
    }
    this.sent = view.sent;
    this.view = view;
    if (!far) {
      write(this.count, this.port + short(view.sent));
    }
    this.at = now;
    set(this.group, 'data-full', String(Boolean(view.full)));
    return this.settle(now, far);
  }

  /** Stop a wire in time when no message follows. */
  settle(now: number, far: boolean): boolean {
    const moving = this.moved > 0 && now - this.moved < MOVING;
    this.rate = moving || (this.rate >= 1 && now - this.moved < 2 * MOVING) ? this.rate : 0;
    set(this.group, 'data-moving', String(moving));
    if (!far) {
      write(this.speed, this.rate >= 1 ? `${short(Math.round(this.rate))}/s` : '');
    }
    return moving || this.rate > 0;
  }
}
