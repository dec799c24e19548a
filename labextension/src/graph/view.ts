/** The graph of a flow, live: used unchanged by the widget under a cell and by the panel. */

import { layout, middle, path, type Layout } from './layout';
import { short, type GraphEvents, type Shape, type Side, type Snapshot } from './model';
import { NodePicture } from './node';
import { pan, type Pan } from './pan';
import { addStyle } from './style';
import { element, write } from './svg';

interface WirePicture { group: SVGGElement; label: SVGTextElement; sent: number; at: number; rate: number }

export class GraphView {
  private readonly svg = element('svg', { tabindex: 0, role: 'group', 'aria-label': 'Flow' });
  private readonly canvas = element('g');
  private readonly frame = document.createElement('div');
  private readonly pan: Pan;
  private readonly resized: ResizeObserver;
  private nodes = new Map<string, NodePicture>();
  private wires = new Map<string, WirePicture>();
  private place: Layout = { nodes: new Map(), wires: new Map(), width: 0, height: 0 };
  private selected: string | null = null;

  constructor(host: HTMLElement, private readonly events: GraphEvents = {}) {
    addStyle(document);
    this.frame.className = 'floe-graph';
    this.svg.append(arrow(), this.canvas);
    this.frame.append(this.svg);
    host.append(this.frame);
    this.pan = pan(this.svg, this.canvas);
    this.resized = new ResizeObserver(() => this.fit());
    this.resized.observe(this.frame);
    this.svg.addEventListener('keydown', e => this.key(e));
    this.svg.addEventListener('click', e => { if (e.target === this.svg) { this.select(null); } });
  }

  /** Draw another shape; what is selected stays so if it is still there. */
  setFlow(shape: Shape): void {
    this.place = layout(shape);
    this.svg.setAttribute('aria-label', `Flow ${shape.name}`);
    this.wires = new Map(shape.wires.map(wire => [wire.name, this.wire(wire.name)]));
    const events = { ...this.events, select: (node: string | null) => this.select(node) };
    this.nodes = new Map(shape.nodes.map(node => [node.id, new NodePicture(node, this.place.nodes.get(node.id)!, events)]));
    this.canvas.replaceChildren(...[...this.wires.values()].map(w => w.group), ...[...this.nodes.values()].map(n => n.group));
    this.select(this.selected && this.nodes.has(this.selected) ? this.selected : null);
    this.fit();
  }

  /** Show a snapshot. */
  patch({ view }: Snapshot, breaks: ReadonlyArray<{ node: string; side: string; enabled: boolean }> = []): void {
    const on = sides(breaks.filter(b => b.enabled));
    const off = sides(breaks.filter(b => !b.enabled));
    for (const node of view.nodes) {
      this.nodes.get(node.id)?.show(node, on.get(node.id) ?? NONE, off.get(node.id) ?? NONE);
    }
    const now = performance.now();
    for (const wire of view.wires) {
      const picture = this.wires.get(wire.name);
      if (picture) {
        advance(picture, wire.sent, now);
        picture.group.classList.toggle('full', Boolean(wire.full));
        write(picture.label, label(wire.sent, picture.rate));
      }
    }
  }

  select(node: string | null): void {
    if (this.selected) {
      this.nodes.get(this.selected)?.select(false);
    }
    this.selected = node;
    if (node) {
      this.nodes.get(node)?.select(true);
    }
    this.events.select?.(node);
  }

  fit(): void {
    if (this.place.width) {
      this.pan.fit(this.place.width, this.place.height);
    }
  }

  /** The size at which nothing has to be scaled down, in CSS pixels. */
  get natural(): { width: number; height: number } {
    return { width: this.place.width, height: this.place.height };
  }

  dispose(): void {
    this.resized.disconnect();
    this.pan.dispose();
    this.frame.remove();
  }

  private wire(name: string): WirePicture {
    const points = this.place.wires.get(name)!;
    const at = middle(points);
    const text = element('text', { x: at.x, y: at.y - 5 });
    const group = element('g', { class: 'floe-wire', 'data-wire': name },
      element('path', { d: path(points), 'marker-end': 'url(#floe-arrow)' }), text, element('title', {}, name));
    return { group, label: text, sent: 0, at: 0, rate: 0 };
  }

  private key(event: KeyboardEvent): void {
    if (event.key === '0' || event.key === 'f') {
      this.fit();
    } else if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') {
      const ids = [...this.nodes.keys()];
      const next = ids.indexOf(this.selected ?? '') + (event.key === 'ArrowRight' ? 1 : -1);
      const id = ids[(next + ids.length) % ids.length];
      this.select(id);
      this.nodes.get(id)?.group.focus({ preventScroll: true });
    } else {
      return;
    }
    event.preventDefault();
  }
}

const NONE: ReadonlySet<Side> = new Set();

function sides(breaks: ReadonlyArray<{ node: string; side: string }>): Map<string, Set<Side>> {
  const found = new Map<string, Set<Side>>();
  for (const { node, side } of breaks) {
    found.set(node, (found.get(node) ?? new Set()).add(side as Side));
  }
  return found;
}

/** Rates are smoothed over about a second, else nobody could read them. */
function advance(wire: WirePicture, sent: number, now: number): void {
  const seconds = (now - wire.at) / 1000;
  if (wire.at && seconds > 0) {
    const weight = Math.min(1, seconds);
    wire.rate = wire.rate * (1 - weight) + Math.max(0, (sent - wire.sent) / seconds) * weight;
  }
  const moved = sent > wire.sent && wire.at > 0;
  wire.group.classList.toggle('moving', moved);
  wire.sent = sent;
  wire.at = now;
}

function label(sent: number, rate: number): string {
  return rate >= 1 ? `${short(sent)} · ${short(Math.round(rate))}/s` : short(sent);
}

function arrow(): SVGDefsElement {
  return element('defs', {}, element('marker', {
    id: 'floe-arrow', viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: 'auto'
  }, element('path', { class: 'arrow', d: 'M0,0L8,4L0,8z' })));
}
