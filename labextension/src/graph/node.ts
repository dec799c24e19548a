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
  private mark: SVGGElement | null = null;
  private readonly letters: Record<Side, Pill>;
  private readonly dots: Dot[];
  private shown = '';
  private texts: [string, string] = ['', ''];
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
    const lay = (x: number, y: number, direction: 1 | -1) => ({ x, y, direction });
    this.queue = new Pill('queue', 'waiting', lay(8, 0, 1));
    this.letters = {
      in: new Pill('letter', 'held in front', vertical ? lay(box.width / 2 + 12, -14, 1) : lay(-10, middle, -1)),
      out: new Pill('letter', 'held behind', vertical ? lay(box.width / 2 + 12, box.height + 14, 1) : lay(box.width + 10, middle, 1))
    };
    const name = element('text', { class: 'name', x: 13, y: middle - 4 }, cut(shape.id, box.width - plate - 30, 'name'));
    this.group = element('g', {
      class: 'floe-node', 'data-node': shape.id, transform: `translate(${box.x},${box.y})`, tabindex: -1, role: 'button', 'aria-pressed': 'false'
    }, element('rect', { class: 'box', width: box.width, height: box.height, rx: 6 }),
    element('path', { class: 'bar', d: `M1,7v${box.height - 14}` }),
    element('rect', { class: 'badge', x: box.width - plate - 9, y: middle - 17, width: plate, height: 16, rx: 3 }),
    element('text', { class: 'lang', x: box.width - plate / 2 - 9, y: middle - 5.5, 'text-anchor': 'middle' }, lang),
    name, this.word, this.counts, element('text', { class: 'sign', x: box.width / 2, y: middle + 9 }, cut(shape.id, box.width - 12, 'sign')),
    ...this.dots.map(d => d.group));
    set(this.group, 'aria-label', shape.id);
    this.listen(events);
  }

  /** Show a snapshot; costs next to nothing when nothing changed. */
  show(view: NodeView, held: HeldMessage[], marks: BreakMark[], far: boolean): void {
    const text = describe(view);
    if (text !== this.shown) {
      this.shown = text;
      const status = view.held ? 'held' : view.status;
      set(this.group, 'data-status', status);
      this.texts = [status, `${short(view.taken ?? 0)} → ${short(view.given ?? 0)}`];
      this.queue.show(this.group, view.depth ?? 0);
      this.flag(Boolean(view.failed || view.error));
      set(this.group, 'aria-label', text);
    }
    this.write(far);
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

  /** Texts that are too small to be read are not written. */
  private write(far: boolean): void {
    if (!far) {
      write(this.word, cut(this.texts[0], 50, 'small'));
      write(this.counts, this.texts[1]);
    }
  }

  private flag(on: boolean): void {
    if (on && !this.mark) {
      this.mark = this.group.appendChild(element('g', { class: 'mark', transform: `translate(${this.box.width - 12},0)` },
        element('circle', { r: 9 }), element('text', { y: 4 }, '!')));
    } else if (!on && this.mark) {
      this.mark.remove();
      this.mark = null;
    }
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
    this.letters[side].show(this.group, count);
    this.first[side] = id;
    this.letters[side].name(id);
  }

  private listen(events: GraphEvents): void {
    this.group.addEventListener('click', e => {
      const at = e.target as Element;
      const dot = this.dots.find(d => d.group.contains(at));
      const side = SIDES.find(s => this.letters[s].contains(at));
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

/** A number on a small plate; there only while it is not zero. */
class Pill {
  private drawn: { group: SVGGElement; plate: SVGRectElement; text: SVGTextElement } | null = null;
  private count = 0;

  /** It grows from `x` to the right, or with `direction` -1 to the left. */
  constructor(private readonly kind: string, private readonly words: string, private readonly lay: { x: number; y: number; direction: 1 | -1 }) {}

  contains(at: Element): boolean {
    return this.drawn?.group.contains(at) ?? false;
  }

  /** The first of the messages that it counts. */
  name(id: string): void {
    if (this.drawn) {
      set(this.drawn.group, 'data-held', id);
    }
  }

  show(host: SVGGElement, count: number): void {
    if (count === this.count) {
      return;
    }
    this.count = count;
    if (!count) {
      this.drawn?.group.remove();
      this.drawn = null;
      return;
    }
    const { group, plate, text } = this.drawn ??= this.draw(host);
    const { x, direction } = this.lay;
    const said = short(count);
    const wide = Math.max(20, 12 + said.length * 6.4);
    set(plate, 'width', String(wide));
    set(plate, 'x', String(direction < 0 ? x - wide : x));
    set(text, 'x', String(x + direction * wide / 2));
    set(group, 'aria-label', `${count} ${this.words}`);
    write(text, said);
  }

  private draw(host: SVGGElement) {
    const plate = element('rect', { height: 16, y: -8, rx: 8 });
    const text = element('text', { y: 4, 'text-anchor': 'middle' });
    const group = host.appendChild(element('g', { class: this.kind, transform: `translate(0,${this.lay.y})` }, plate, text));
    return { group, plate, text };
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
