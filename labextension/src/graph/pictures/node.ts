/** Picture of one node. */

import type { HeldMessage, NodeView } from '../../wire';
import { Dot } from './dot';
import type { Box } from '../geometry';
import { badge, short, type BreakMark, type GraphEvents, type ShapeNode, type Side } from '../model';
import type { Ports } from '../drawing';
import { element, set, write } from './svg';
import { cut, squeezed, width, type Font } from './text';

/** Levels of a small scale: see `Pan`. */
export interface Scale {
  small: boolean;
  far: boolean;
  tiny: boolean;
}

const SIDES = ['in', 'out'] as const;

export class NodePicture {
  readonly group: SVGGElement;
  private readonly statusLabel = element('text', { class: 'status', x: 13, y: 0 });
  private readonly counts = element('text', { class: 'counts', 'text-anchor': 'end' });
  private readonly largeName: SVGTextElement;
  private readonly queue: Pill;
  private mark: SVGGElement | null = null;
  /** Number of breakpoints in a box of several nodes. */
  private readonly breaks: Pill | null;
  private readonly heldPills: Record<Side, Pill>;
  private readonly dots: Dot[];
  private font: Font | null = null;
  private shown = '';
  private texts: [string, string] = ['', ''];
  /** First of the texts, cut to the room that the second leaves on its line; '' until written. */
  private words = '';
  private marks: BreakMark[] = [];
  private first: Record<Side, string> = { in: '', out: '' };

  constructor(
    readonly shape: ShapeNode,
    readonly box: Box,
    ports: Ports,
    vertical: boolean,
    events: GraphEvents
  ) {
    this.dots = shape.count ? [] : SIDES.flatMap(side => dots(shape.id, side, box, ports, vertical));
    const lang = badge(shape.lang);
    const plate = Math.max(26, Math.ceil(width(lang, 'badge')) + 10);
    const middle = box.height / 2;
    this.statusLabel.setAttribute('y', String(middle + 15));
    set(this.counts, 'x', String(box.width - 13));
    set(this.counts, 'y', String(middle + 15));
    const place = (x: number, y: number, direction: 1 | -1) => ({ x, y, direction });
    this.queue = new Pill('queue', 'waiting', place(8, 0, 1));
    this.heldPills = {
      in: new Pill('letter', 'held in front', vertical ? place(box.width / 2 + 12, -14, 1) : place(-10, middle, -1)),
      out: new Pill(
        'letter',
        'held behind',
        vertical ? place(box.width / 2 + 12, box.height + 14, 1) : place(box.width + 10, middle, 1)
      )
    };
    this.largeName = element('text', { class: 'sign', x: box.width / 2, y: middle });
    this.breaks = shape.count ? new Pill('breaks', 'breakpoints', place(8, box.height, 1)) : null;
    const name = element('text', { class: 'name', x: 13, y: middle - 4 }, cut(shape.id, box.width - plate - 30, 'name'));
    this.group = element(
      'g',
      {
        class: 'floe-node',
        'data-node': shape.id,
        transform: `translate(${box.x},${box.y})`,
        tabindex: -1,
        role: 'button',
        'aria-pressed': 'false'
      },
      shape.count ? element('rect', { class: 'stack', x: 4, y: 4, width: box.width, height: box.height, rx: 6 }) : '',
      element('rect', { class: 'box', width: box.width, height: box.height, rx: 6 }),
      element('path', { class: 'bar', d: `M1,7v${box.height - 14}` }),
      element('rect', { class: 'badge', x: box.width - plate - 9, y: middle - 17, width: plate, height: 16, rx: 3 }),
      element('text', { class: 'lang', x: box.width - plate / 2 - 9, y: middle - 5.5, 'text-anchor': 'middle' }, lang),
      name,
      this.statusLabel,
      this.counts,
      this.largeName,
      ...this.dots.map(d => d.group)
    );
    set(this.group, 'aria-label', shape.id);
    this.listen(events);
  }

  /** Show a snapshot; almost free if unchanged. */
  show(view: NodeView, held: HeldMessage[], marks: BreakMark[], scale: Scale): void {
    const text = describe(view, this.shape.count);
    if (text !== this.shown) {
      this.shown = text;
      const status = view.held ? 'held' : view.status;
      set(this.group, 'data-status', status);
      this.texts = [
        [status, unprocessed(view), view.runner].filter(Boolean).join(', '),
        `${short(view.taken ?? 0)} → ${short(view.given ?? 0)}`
      ];
      this.words = '';
      this.queue.show(this.group, view.depth ?? 0);
      this.showError(Boolean(view.failed || view.error));
      set(this.group, 'aria-label', text);
    }
    this.write(scale);
    this.showHeld(held, view.held ?? 0);
    if (marks !== this.marks) {
      this.marks = marks;
      this.breaks?.show(this.group, marks.length);
      this.dots.forEach(dot => dot.show(marks.filter(b => b.side === dot.side)));
    }
  }

  /** Status as shown in the map. */
  get status(): string {
    return this.group.dataset.status ?? '';
  }

  select(on: boolean): void {
    this.group.classList.toggle('selected', on);
    this.group.setAttribute('aria-pressed', String(on));
  }

  /** Write the texts that are large enough to be read. */
  private write({ small, far, tiny }: Scale): void {
    if (small) {
      this.writeName(tiny ? 'huge' : far ? 'sign' : 'middling');
    } else {
      this.words ||= cut(this.texts[0], Math.max(50, this.box.width - 34 - width(this.texts[1], 'small')), 'small');
      write(this.statusLabel, this.words);
      write(this.counts, this.texts[1]);
    }
  }

  /** Write the name alone, as large as its box allows. */
  private writeName(font: Font): void {
    if (this.font !== font) {
      this.font = font;
      write(this.largeName, squeezed(this.shape.id, this.box.width - 12, font));
    }
  }

  private showError(on: boolean): void {
    if (on && !this.mark) {
      this.mark = this.group.appendChild(
        element(
          'g',
          { class: 'mark', transform: `translate(${this.box.width - 12},0)` },
          element('circle', { r: 9 }),
          element('text', { y: 4 }, '!')
        )
      );
    } else if (!on && this.mark) {
      this.mark.remove();
      this.mark = null;
    }
  }

  /** Show the held messages, whose list may come later than their number. */
  private showHeld(held: HeldMessage[], count: number): void {
    const behind = held.filter(m => m.side === 'out');
    const front = held.filter(m => m.side !== 'out');
    this.showPill('in', front, held.length ? front.length + Math.max(0, count - held.length) : count);
    this.showPill('out', behind, behind.length);
  }

  private showPill(side: Side, messages: HeldMessage[], count: number): void {
    const id = messages[0]?.id ?? '';
    this.heldPills[side].show(this.group, count);
    this.first[side] = id;
    this.heldPills[side].name(id);
  }

  private listen(events: GraphEvents): void {
    this.group.addEventListener('click', e => {
      const at = e.target as Element;
      const dot = this.dots.find(d => d.group.contains(at));
      const side = SIDES.find(s => this.heldPills[s].contains(at));
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

/** Number on a small plate, drawn only while not zero. */
class Pill {
  private drawn: { group: SVGGElement; plate: SVGRectElement; text: SVGTextElement } | null = null;
  private count = 0;

  /** The plate grows from `x` to the right, or with `direction` -1 to the left. */
  constructor(
    private readonly kind: string,
    private readonly words: string,
    private readonly place: { x: number; y: number; direction: 1 | -1 }
  ) {}

  contains(at: Element): boolean {
    return this.drawn?.group.contains(at) ?? false;
  }

  /** Set the id of the first message counted. */
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
    const { group, plate, text } = (this.drawn ??= this.draw(host));
    const { x, direction } = this.place;
    const digits = short(count);
    const wide = Math.max(20, 12 + digits.length * 6.4);
    set(plate, 'width', String(wide));
    set(plate, 'x', String(direction < 0 ? x - wide : x));
    set(text, 'x', String(x + (direction * wide) / 2));
    set(group, 'aria-label', `${count} ${count === 1 ? this.words.replace(/s$/, '') : this.words}`);
    write(text, digits);
  }

  private draw(host: SVGGElement) {
    const plate = element('rect', { height: 16, y: -8, rx: 8 });
    const text = element('text', { y: 4, 'text-anchor': 'middle' });
    const group = host.appendChild(element('g', { class: this.kind, transform: `translate(0,${this.place.y})` }, plate, text));
    return { group, plate, text };
  }
}

/** Make a dot for each port that a wire uses; if none does, one in the middle. */
function dots(id: string, side: Side, box: Box, ports: Ports, vertical: boolean): Dot[] {
  const across = side === 'in' ? 0 : 1;
  const middle = vertical ? { x: box.width / 2, y: across * box.height } : { x: across * box.width, y: box.height / 2 };
  const all = ports[side].get(id) ?? [{ name: side, ...middle }];
  return all.map(({ name, x, y }) => new Dot(side, name, all.length === 1, x, y));
}

/** Return the messages that ended at the node without being processed: `2 dropped, 1 unfinished`. */
function unprocessed({ dropped, unfinished }: NodeView): string {
  return [dropped && `${short(dropped)} dropped`, unfinished && `${short(unfinished)} unfinished`].filter(Boolean).join(', ');
}

/** `count`: number of nodes of a box. */
function describe(view: NodeView, count?: number): string {
  const parts = [
    `${view.id}: ${view.status}`,
    `${view.taken ?? 0} taken, ${view.given ?? 0} given`,
    count ? `${count} nodes: a double click unfolds them` : `version ${view.version}${view.runner ? `, in ${view.runner}` : ''}`
  ];
  if (view.depth) {
    parts.push(`${view.depth} waiting`);
  }
  if (view.held) {
    parts.push(`${view.held} held`);
  }
  if (view.failed) {
    parts.push(`${view.failed} failed`);
  }
  if (unprocessed(view)) {
    parts.push(unprocessed(view));
  }
  if (view.error) {
    parts.push(view.error);
  }
  return parts.join('\n');
}
