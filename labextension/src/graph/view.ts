/** The graph of a flow, live: used unchanged by the widget under a cell and by the panel. */

import { Beat } from './beat';
import { controls, keyed } from './keys';
import type { Size } from './layout';
import type { BreakMark, GraphEvents, Shape, Snapshot } from './model';
import { NodePicture } from './node';
import { Pan } from './pan';
import { draw, MARGIN, settle, type Drawing } from './place';
import { addStyle } from './style';
import { element, explain } from './svg';
import { setFamily } from './text';
import { WirePicture } from './wire';

/** Larger flows are laid out in pieces, so that the page is never held. */
const LARGE = 60;
/** In narrower places, in pixels, flows run from top to bottom. */
const NARROW = 520;
const NONE: never[] = [];

export class GraphView {
  private readonly svg = element('svg', { tabindex: 0, role: 'group', 'aria-label': 'Flow' });
  private readonly canvas = element('g', { class: 'floe-drawing' });
  private readonly frame = document.createElement('div');
  private readonly pan: Pan;
  private readonly beat: Beat;
  private readonly resized: ResizeObserver;
  private nodes = new Map<string, NodePicture>();
  private wires = new Map<string, WirePicture>();
  private shape: Shape = { name: '', nodes: [], wires: [] };
  private drawing: Drawing | null = null;
  private drawn = '';
  private snapshot: Snapshot | null = null;
  private fresh = false;
  private selected: string | null = null;
  private narrow = false;
  private resting: ReturnType<typeof setTimeout> | undefined;

  constructor(host: HTMLElement, private readonly events: GraphEvents = {}) {
    addStyle(document);
    this.frame.className = 'floe-graph';
    this.svg.append(arrow(), this.canvas);
    this.frame.append(this.svg, controls({ in: () => this.pan.zoom(1.25), out: () => this.pan.zoom(0.8), fit: () => this.fit() }));
    host.append(this.frame);
    this.pan = new Pan(this.svg, this.canvas, () => { this.fresh = true; this.beat?.ask(); });
    this.beat = new Beat(this.frame, () => this.paint());
    this.resized = new ResizeObserver(() => this.resize());
    this.resized.observe(this.frame);
    this.svg.addEventListener('pointerover', e => this.explain(e.target as Element));
    this.svg.addEventListener('keydown', e => keyed(e, this));
    this.svg.addEventListener('click', e => { if (e.target === this.svg) { this.choose(null); } });
  }

  /** Draw another shape; what is selected stays so if it is still there. */
  setFlow(shape: Shape): void {
    this.shape = shape;
    this.svg.setAttribute('aria-label', `Flow ${shape.name}`);
    this.arrange();
  }

  /** Show a snapshot, soon. */
  patch(snapshot: Snapshot): void {
    this.snapshot = snapshot;
    this.fresh = true;
    this.beat.ask();
  }

  /** Mark a node as selected without telling anybody. */
  select(node: string | null): void {
    if (this.selected === node) {
      return;
    }
    this.nodes.get(this.selected ?? '')?.select(false);
    this.selected = node;
    this.nodes.get(node ?? '')?.select(true);
  }

  /** As if it were clicked. */
  choose(node: string | null): void {
    this.select(node);
    const picture = this.nodes.get(node ?? '');
    if (picture) {
      this.pan.reveal(picture.box);
    }
    this.events.select?.(node);
  }

  fit(): void {
    if (this.drawing && this.svg.clientWidth) {
      this.pan.fit(this.drawing, MARGIN);
    }
  }

  /** The size at which nothing has to be scaled down, in CSS pixels. */
  get natural(): Size {
    return { width: (this.drawing?.width ?? 0) + 2 * MARGIN, height: (this.drawing?.height ?? 0) + 2 * MARGIN };
  }

  dispose(): void {
    clearTimeout(this.resting);
    this.resized.disconnect();
    this.beat.dispose();
    this.pan.dispose();
    this.frame.remove();
  }

  // --- for the keyboard

  get current(): NodePicture | undefined {
    return this.nodes.get(this.selected ?? '');
  }

  get all(): Iterable<NodePicture> {
    return this.nodes.values();
  }

  zoom(factor: number): void {
    this.pan.zoom(factor);
  }

  focus(id: string): void {
    this.choose(id);
    this.nodes.get(id)?.group.focus({ preventScroll: true });
  }

  act(what: 'open' | 'in' | 'out'): void {
    const id = this.selected;
    if (id && what === 'open') {
      this.open(id);
    } else if (id && what !== 'open') {
      this.events.toggleBreak?.(id, what, '');
    }
  }

  private open(id: string): void {
    this.pan.approach(this.nodes.get(id)!.box);
    this.events.open?.(id);
  }

  // --- drawing

  private resize(): void {
    const { clientWidth } = this.frame;
    if (!clientWidth) {
      return; // hidden, or not attached yet
    }
    if (!this.drawing || this.narrow !== clientWidth < NARROW) {
      this.arrange();
    } else if (!this.pan.moved) {
      this.fit();
    }
  }

  /** Lay out, if there is room to; else when there is. */
  private arrange(): void {
    const { clientWidth } = this.frame;
    if (!clientWidth) {
      return;
    }
    this.narrow = clientWidth < NARROW;
    const wanted = JSON.stringify([this.narrow, this.shape]);
    if (wanted === this.drawn) {
      return;
    }
    this.drawn = wanted;
    setFamily(getComputedStyle(this.frame).fontFamily);
    settle(this.make(), () => this.done(), this.shape.nodes.length > LARGE, () => this.drawn === wanted);
  }

  private *make(): Generator<void, void> {
    const drawing = yield* draw(this.shape, this.narrow);
    this.drawing = drawing;
    const events = { ...this.events, select: (node: string | null) => this.choose(node), open: (node: string) => this.open(node) };
    const wires = new Map<string, WirePicture>();
    const nodes = new Map<string, NodePicture>();
    this.fit(); // before there is anything in it: measuring is cheap then, and small texts are never laid out
    for (const wire of this.shape.wires) {
      wires.set(wire.name, new WirePicture(wire, drawing.wires.get(wire.name)!));
      yield;
    }
    for (const node of this.shape.nodes) {
      nodes.set(node.id, new NodePicture(node, drawing.nodes.get(node.id)!, drawing.ports, drawing.vertical, events));
      yield;
    }
    this.canvas.replaceChildren();
    Object.assign(this, { nodes, wires });
    const all = [...wires.values(), ...nodes.values()].map(picture => picture.group);
    for (let i = 0; i < all.length; i += 100) {
      this.canvas.append(...all.slice(i, i + 100));
      yield;
    }
  }

  private done(): void {
    const selected = this.selected;
    this.selected = null;
    this.select(selected !== null && this.nodes.has(selected) ? selected : null);
    this.frame.dispatchEvent(new CustomEvent('floe-drawn', { bubbles: true }));
    this.fresh = true;
    this.beat.ask();
  }

  private explain(target: Element): void {
    this.wires.get(target.closest('[data-edge]')?.getAttribute('data-edge') ?? '')?.explain();
    explain(target);
  }

  private paint(): void {
    clearTimeout(this.resting);
    const now = performance.now();
    const moving = this.fresh && this.snapshot ? this.show(this.snapshot, now) : this.rest(now);
    this.fresh = false;
    if (moving) {
      this.resting = setTimeout(() => this.beat.ask(), 650);
    }
  }

  private show({ view, held, breaks }: Snapshot, now: number): boolean {
    const { far } = this.pan;
    const messages = grouped(held);
    const marks = this.grouped(breaks);
    for (const node of view.nodes) {
      this.nodes.get(node.id)?.show(node, messages.get(node.id) ?? NONE, marks.get(node.id) ?? NONE, far);
    }
    let moving = false;
    for (const wire of view.wires) {
      moving = this.wires.get(wire.name)?.show(wire, now, far) || moving;
    }
    return moving;
  }

  private rest(now: number): boolean {
    let moving = false;
    for (const wire of this.wires.values()) {
      moving = wire.settle(now, this.pan.far) || moving;
    }
    return moving;
  }

  private marks: { of: BreakMark[]; by: Map<string, BreakMark[]> } = { of: NONE, by: new Map() };

  /** Nodes compare the list they get, so the same breakpoints must give the same lists. */
  private grouped(breaks: BreakMark[]): Map<string, BreakMark[]> {
    if (breaks !== this.marks.of) {
      this.marks = { of: breaks, by: grouped(breaks) };
    }
    return this.marks.by;
  }
}

function grouped<T extends { node: string }>(all: T[]): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const one of all) {
    const there = found.get(one.node);
    if (there) {
      there.push(one);
    } else {
      found.set(one.node, [one]);
    }
  }
  return found;
}

function arrow(): SVGDefsElement {
  return element('defs', {}, element('marker', {
    id: 'floe-arrow', viewBox: '0 0 8 8', refX: 9.5, refY: 4, markerWidth: 6, markerHeight: 6, orient: 'auto'
  }, element('path', { class: 'arrow', d: 'M0,0L8,4L0,8z' })));
}
