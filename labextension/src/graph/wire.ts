/** One wire of the picture: how much went over it, and how fast. */

import type { WireView } from '../wire';
import { short, type ShapeWire } from './model';
import type { Way } from './place';
import { element, set, write } from './svg';
import { cut } from './text';

/** A wire counts as moving for so long after something moved, in ms. */
const MOVING = 600;

export class WirePicture {
  readonly group: SVGGElement;
  private readonly count = element('text', { class: 'count' });
  private readonly speed = element('text', { class: 'rate' });
  private readonly title = element('title');
  private readonly port: string;
  private sent = -1;
  private at = 0;
  private rate = 0;
  private moved = 0;

  constructor(private readonly shape: ShapeWire, way: Way) {
    const { x, y } = way.label;
    this.port = shape.sourcePort === 'out' ? '' : `${cut(shape.sourcePort, 34, 'small')} `;
    this.count.setAttribute('x', String(x));
    this.count.setAttribute('y', String(y - 4));
    this.speed.setAttribute('x', String(x));
    this.speed.setAttribute('y', String(y + 12));
    this.group = element('g', { class: way.quiet ? 'floe-wire quiet' : 'floe-wire', 'data-edge': shape.name },
      this.title, element('path', { class: 'reach', d: way.path }), element('path', { class: 'way', d: way.path, 'marker-end': 'url(#floe-arrow)' }),
      this.count, this.speed);
    write(this.title, shape.name);
    write(this.count, this.port);
  }

  /** Show a snapshot; returns whether it moves, and so must be looked at again. */
  show(view: WireView, now: number): boolean {
    const more = view.sent - this.sent;
    if (this.sent >= 0 && now > this.at) {
      // smoothed over about a second, else nobody could read it
      const seconds = (now - this.at) / 1000;
      const weight = Math.min(1, seconds);
      this.rate = this.rate * (1 - weight) + Math.max(0, more / seconds) * weight;
      this.moved = more > 0 ? now : this.moved;
    }
    if (more || this.sent < 0) {
      this.sent = view.sent;
      write(this.count, this.port + short(view.sent));
      write(this.title, `${this.shape.name}\n${view.sent} sent, ${view.depth ?? 0} on the way${view.full ? ', full' : ''}`);
    }
    this.at = now;
    set(this.group, 'data-full', String(Boolean(view.full)));
    return this.settle(now);
  }

  /** Nothing new came: stand still when it is time. */
  settle(now: number): boolean {
    const moving = this.moved > 0 && now - this.moved < MOVING;
    this.rate = moving || this.rate >= 1 && now - this.moved < 2 * MOVING ? this.rate : 0;
    set(this.group, 'data-moving', String(moving));
    write(this.speed, this.rate >= 1 ? `${short(Math.round(this.rate))}/s` : '');
    return moving || this.rate > 0;
  }
}
