/** One node of the picture. */

import type { HeldMessage, NodeView } from '../wire';
import { Dot } from './dot';
import type { Box } from './layout';
import { badge, short, type BreakMark, type GraphEvents, type ShapeNode, type Side } from './model';
import type { Ports } from './ports';
import { element, set, write } from './svg';
import { cut, width } from './text';

const SIDES = ['in', 'out'] as const;

export class NodePicture {
  readonly group: SVGGElement;
  private readonly word = element('text', { class: 'status', x: 13, y: 0 });
  private readonly counts = element('text', { class: 'counts', 'text-anchor': 'end' });
  private readonly queue: Pill;
  private readonly mark: SVGGElement;
  private readonly letters: Record<Side, Pill>;
  private readonly dots: Dot[];
  private readonly title = element('title');
  private shown = '';
  private marks: BreakMark[] = [];
  private first: Record<Side, string> = { in: '', out: '' };

  constructor(readonly shape: ShapeNode, readonly box: Box, ports: Ports, vertical: boolean, events: GraphEvents) {
    this.dots = SIDES.flatMap(side => dots(shape.id, side, box, ports, vertical));
    const lang = badge(shape.lang);
    const plate = Math.max(26, Math.ceil(width(lang, 'badge')) + 10);
    const middle = box.height / 2;
    this.word.setAttribute('y', String(middle + 15));
    set(this.counts, 'x', String(box.width - 13));
    set(this.counts, 'y', String(middle + 15));
    this.queue = new Pill('queue', 'waiting', 8, 0, 1);
    this.letters = {
      in: vertical ? new Pill('letter', 'held in front', box.width / 2 + 12, -14, 1) : new Pill('letter', 'held in front', -10, middle, -1),
      out: vertical ? new Pill('letter', 'held behind', box.width / 2 + 12, box.height + 14, 1) : new Pill('letter', 'held behind', box.width + 10, middle, 1)
    };
    this.mark = element('g', { class: 'mark', transform: `translate(${box.width - 12},0)` },
      element('circle', { r: 9 }), element('text', { y: 4 }, '!'));
    const name = element('text', { class: 'name', x: 13, y: middle - 4 }, cut(shape.id, box.width - plate - 30, 'name'));
    this.group = element('g', {
      class: 'floe-node', 'data-node': shape.id, transform: `translate(${box.x},${box.y})`, tabindex: -1, role: 'button', 'aria-pressed': 'false'
    }, this.title, element('rect', { class: 'box', width: box.width, height: box.height, rx: 6 }),
    element('path', { class: 'bar', d: `M1,7v${box.height - 14}` }),
    element('rect', { class: 'badge', x: box.width - plate - 9, y: middle - 17, width: plate, height: 16, rx: 3 }),
    element('text', { class: 'lang', x: box.width - plate / 2 - 9, y: middle - 5.5, 'text-anchor': 'middle' }, lang),
    name, this.word, this.counts, this.queue.group, this.letters.in.group, this.letters.out.group, this.mark, ...this.dots.map(d => d.group));
    write(this.title, shape.id);
    set(this.group, 'aria-label', shape.id);
    this.listen(events);
  }

  /** Show a snapshot; costs next to nothing when nothing changed. */
  show(view: NodeView, held: HeldMessage[], marks: BreakMark[]): void {
    const text = describe(view);
    if (text !== this.shown) {
      this.shown = text;
      const status = view.held ? 'held' : view.status;
      set(this.group, 'data-status', status);
      write(this.word, cut(status, 50, 'small'));
      write(this.counts, `${short(view.taken ?? 0)} → ${short(view.given ?? 0)}`);
      this.queue.show(view.depth ?? 0);
      set(this.mark, 'visibility', view.failed || view.error ? 'visible' : 'hidden');
      write(this.title, text);
      set(this.group, 'aria-label', text);
    }
    this.hold(held, view.held ?? 0);
    if (marks !== this.marks) {
      this.marks = marks;
      this.dots.forEach(dot => dot.show(marks.filter(b => b.side === dot.side)));
    }
  }

  select(on: boolean): void {
    this.group.classList.toggle('selected', on);
    this.group.setAttribute('aria-pressed', String(on));
  }

  /** The list of held messages may come later than their number. */
  private hold(held: HeldMessage[], count: number): void {
    const behind = held.filter(m => m.side === 'out');
    const front = held.filter(m => m.side !== 'out');
    this.letter('in', front, held.length ? front.length + Math.max(0, count - held.length) : count);
    this.letter('out', behind, behind.length);
  }

  private letter(side: Side, messages: HeldMessage[], count: number): void {
    const id = messages[0]?.id ?? '';
    this.letters[side].show(count);
    if (id !== this.first[side]) {
      this.first[side] = id;
      set(this.letters[side].group, 'data-held', id);
    }
  }

  private listen(events: GraphEvents): void {
    this.group.addEventListener('click', e => {
      const at = e.target as Element;
      const dot = this.dots.find(d => d.group.contains(at));
      const side = SIDES.find(s => this.letters[s].group.contains(at));
      if (dot) {
        events.toggleBreak?.(this.shape.id, dot.side, dot.target);
      } else if (side && this.first[side]) {
        events.message?.(this.first[side], this.shape.id);
      } else {
        events.select?.(this.shape.id);
      }
    });
    this.group.addEventListener('dblclick', e => {
      if (!(e.target as Element).closest('[data-bp]')) {
        events.open?.(this.shape.id);
      }
    });
  }
}

/** A number on a small plate; its words are its title. */
class Pill {
  readonly group: SVGGElement;
  private readonly plate = element('rect', { height: 16, y: -8, rx: 8 });
  private readonly text = element('text', { y: 4, 'text-anchor': 'middle' });
  private readonly title = element('title');
  private count = -1;

  /** It grows from `x` to the right, or with `direction` -1 to the left. */
  constructor(kind: string, private readonly words: string, private readonly x: number, y: number, private readonly direction: 1 | -1) {
    this.group = element('g', { class: kind, transform: `translate(0,${y})`, visibility: 'hidden' }, this.title, this.plate, this.text);
    this.show(0);
  }

  show(count: number): void {
    if (count === this.count) {
      return;
    }
    this.count = count;
    this.group.setAttribute('visibility', count ? 'visible' : 'hidden');
    const text = short(count);
    const wide = Math.max(20, 12 + text.length * 6.4);
    this.plate.setAttribute('width', String(wide));
    this.plate.setAttribute('x', String(this.direction < 0 ? this.x - wide : this.x));
    this.text.setAttribute('x', String(this.x + this.direction * wide / 2));
    write(this.text, text);
    write(this.title, `${count} ${this.words}`);
  }
}

/** A dot for each port that a wire uses; one in the middle where none does. */
function dots(id: string, side: Side, box: Box, ports: Ports, vertical: boolean): Dot[] {
  const names = ports.of(id, side);
  const all = names.length ? names : [side];
  return all.map(port => {
    const along = ports.along(id, side, port);
    const across = side === 'in' ? 0 : 1;
    return vertical ? new Dot(side, port, all.length === 1, along * box.width, across * box.height)
      : new Dot(side, port, all.length === 1, across * box.width, along * box.height);
  });
}

function describe(view: NodeView): string {
  const parts = [`${view.id}: ${view.status}`, `${view.taken ?? 0} taken, ${view.given ?? 0} given`, `version ${view.version}`];
  if (view.depth) {
    parts.push(`${view.depth} waiting`);
  }
  if (view.held) {
    parts.push(`${view.held} held`);
  }
  if (view.failed) {
    parts.push(`${view.failed} failed`);
  }
  if (view.error) {
    parts.push(view.error);
  }
  return parts.join('\n');
}
