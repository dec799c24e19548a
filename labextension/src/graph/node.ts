/** One node of the picture. */

import type { NodeView } from '../wire';
import { NODE_HEIGHT, type Box } from './layout';
import { BADGES, short, type GraphEvents, type ShapeNode, type Side } from './model';
import { cut, element, write } from './svg';

export class NodePicture {
  readonly group: SVGGElement;
  private readonly counts = element('text', { x: 12, y: 41 });
  private readonly queue: SVGGElement;
  private readonly queued = element('text', { x: 0, y: 4 });
  private readonly mark: SVGGElement;
  private readonly dots: Record<Side, SVGCircleElement>;
  private readonly title = element('title');
  private status = '';

  constructor(readonly shape: ShapeNode, box: Box, events: GraphEvents) {
    const badge = BADGES[shape.lang] ?? shape.lang.slice(0, 3);
    this.queue = element('g', { class: 'queue', transform: 'translate(16,0)', visibility: 'hidden' },
      element('rect', { x: -16, y: -9, width: 32, height: 18, rx: 9 }), this.queued);
    this.mark = element('g', { class: 'mark', transform: `translate(${box.width - 14},0)`, visibility: 'hidden' },
      element('circle', { r: 9 }), element('text', { y: 4 }, '!'));
    this.dots = { in: this.dot('in', 0), out: this.dot('out', box.width) };
    const room = Math.floor((box.width - 60) / 7.4);
    this.group = element('g', {
      class: 'floe-node', 'data-node': shape.id, transform: `translate(${box.x},${box.y})`, tabindex: 0, role: 'button'
    }, this.title,
    element('rect', { class: 'box', width: box.width, height: NODE_HEIGHT, rx: 6 }),
    element('rect', { class: 'bar', width: 4, height: NODE_HEIGHT - 12, y: 6, x: 3, rx: 2 }),
    element('rect', { class: 'badge', x: box.width - 38, y: 10, width: 28, height: 16, rx: 3 }),
    element('text', { class: 'lang', x: box.width - 24, y: 22, 'text-anchor': 'middle' }, badge),
    element('text', { class: 'name', x: 12, y: 23 }, cut(shape.id, room)),
    this.counts, this.queue, this.mark, this.dots.in, this.dots.out);
    this.listen(events);
  }

  /** Show a snapshot; cheap when little changed. */
  show(view: NodeView, enabled: ReadonlySet<Side>, disabled: ReadonlySet<Side>): void {
    const depth = view.depth ?? 0;
    this.setStatus(view.held ? 'held' : view.status);
    write(this.counts, `${short(view.taken ?? 0)} in · ${short(view.given ?? 0)} out`);
    this.queue.setAttribute('visibility', depth ? 'visible' : 'hidden');
    write(this.queued, short(depth));
    this.mark.setAttribute('visibility', view.failed || view.error ? 'visible' : 'hidden');
    write(this.title, describe(view));
    for (const side of ['in', 'out'] as const) {
      this.dots[side].classList.toggle('set', enabled.has(side) || disabled.has(side));
      this.dots[side].classList.toggle('off', disabled.has(side) && !enabled.has(side));
    }
  }

  select(on: boolean): void {
    this.group.classList.toggle('selected', on);
    this.group.setAttribute('aria-pressed', String(on));
  }

  private setStatus(status: string): void {
    if (status !== this.status) {
      this.group.classList.remove(this.status || 'none');
      this.group.classList.add(status);
      this.status = status;
    }
  }

  private dot(side: Side, x: number): SVGCircleElement {
    return element('circle', { class: 'dot', 'data-bp': side, cx: x, cy: NODE_HEIGHT / 2, r: 6.5 },
      element('title', {}, side === 'in' ? 'Breakpoint in front of this node' : 'Breakpoint behind this node'));
  }

  private listen(events: GraphEvents): void {
    this.group.addEventListener('click', e => {
      const side = (e.target as Element).getAttribute('data-bp') as Side | null;
      if (side) {
        events.toggleBreak?.(this.shape.id, side);
      } else {
        events.select?.(this.shape.id);
      }
    });
    this.group.addEventListener('dblclick', () => events.open?.(this.shape.id));
    this.group.addEventListener('keydown', e => {
      if (e.key === 'Enter' || e.key === ' ') {
        (e.key === 'Enter' ? events.open ?? events.select : events.select)?.(this.shape.id);
        e.preventDefault();
      }
    });
  }
}

function describe(view: NodeView): string {
  const parts = [`${view.id}: ${view.status}`, `${view.taken ?? 0} taken, ${view.given ?? 0} given`, `version ${view.version}`];
  if (view.depth) {
    parts.push(`${view.depth} waiting`);
  }
  if (view.held) {
    parts.push(`${view.held} held`);
  }
  if (view.error) {
    parts.push(view.error);
  }
  return parts.join('\n');
}
