/** Live graph of a flow: used unchanged by the widget under a cell and by the panel. */

import { DrawThrottle } from './throttle';
import { Fold } from './fold';
import { zoomButtons, handleKey } from './controls/keyboard';
import type { Size } from './layout/layout';
import { Minimap } from './controls/minimap';
import { grouped, type GraphEvents, type Shape, type Snapshot } from './model';
import { NodePicture, type Scale } from './pictures/node';
import { around, Pan } from './controls/pan';
import { makeDrawing, MARGIN, runInPieces, type Drawing } from './layout/drawing';
import { attachPictures, makePictures, startOf } from './pictures/pictures';
import { svgFile } from './export';
import { Search } from './controls/search';
import { addStyle } from './style';
import { arrow, edgeAt, edgeOf, element, setTooltip } from './pictures/svg';
import { setFamily } from './pictures/text';
import { WirePicture } from './pictures/wire';

/** Maximum number of nodes that are laid out at once; larger flows in pieces, so that the page is never blocked. */
const LARGE = 60;
/** Width in pixels below which flows run from top to bottom. */
const NARROW = 520;
const NONE: never[] = [];

export class GraphView {
  private readonly svg = element('svg', { tabindex: 0, role: 'group', 'aria-label': 'Flow' });
  private readonly canvas = element('g', { class: 'floe-drawing' });
  private readonly frame = document.createElement('div');
  private readonly pan: Pan;
  private readonly minimap = new Minimap(place => this.pan.go(place), () => this.throttle?.request());
  private readonly search = new Search(this);
  private readonly folding: Fold;
  /** Nodes to look at after the next drawing: some nodes, or a single one in the middle. */
  private goal: string[] = [];
  private readonly throttle: DrawThrottle;
  private readonly resized: ResizeObserver;
  private nodes = new Map<string, NodePicture>();
  private wires = new Map<string, WirePicture>();
  private shape: Shape = { name: '', nodes: [], wires: [] };
  private drawing: Drawing | null = null;
  private drawn = '';
  private snapshot: Snapshot | null = null;
  private fresh = false;
  /** True if the person asked for the whole flow. */
  private whole = false;
  private selected: string | null = null;
  private narrow = false;
  private restTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(host: HTMLElement, private readonly events: GraphEvents = {}, folded = true) {
    this.folding = new Fold(folded);
    addStyle(document);
    this.frame.className = 'floe-graph';
    this.svg.append(arrow(), this.canvas);
    this.frame.append(this.svg, zoomButtons({ in: () => this.pan.zoom(1.25), out: () => this.pan.zoom(0.8), fit: () => this.fit() }), this.minimap.node, this.search.node);
    host.append(this.frame);
    this.pan = new Pan(this.svg, this.canvas, () => { this.fresh = true; this.throttle?.request(); }, () => this.updateMap());
    this.throttle = new DrawThrottle(this.frame, () => this.paint());
    this.resized = new ResizeObserver(() => this.resize());
    this.resized.observe(this.frame);
    this.svg.addEventListener('pointerover', e => this.explain(e.target as Element));
    this.svg.addEventListener('keydown', e => handleKey(e, this));
    this.svg.addEventListener('pointerdown', e => { this.pressed = e; });
    this.svg.addEventListener('click', e => this.clicked(e));
  }

  /** Draw another shape; the selection stays if the new shape still has the node. */
  setFlow(shape: Shape): void {
    this.shape = this.folding.shape = shape;
    this.svg.setAttribute('aria-label', `Flow ${shape.name}`);
    this.arrange();
  }

  /** Show a snapshot, soon. */
  patch(snapshot: Snapshot): void {
    this.snapshot = snapshot;
    this.fresh = true;
    this.throttle.request();
  }

  /** Mark a node as selected without an event. */
  select(node: string | null): void {
    if (this.selected === node) {
      return;
    }
    this.nodes.get(this.selected ?? '')?.select(false);
    this.selected = node;
    if (node !== null && this.folding.boxOf(node) !== node) {
      this.unfold(this.folding.boxOf(node), [node]);
    }
    this.nodes.get(node ?? '')?.select(true);
  }

  /** Select a node as a click does. */
  choose(node: string | null): void {
    this.select(node);
    this.canvas.querySelector('.floe-wire.selected')?.classList.remove('selected');
    const picture = this.nodes.get(node ?? '');
    if (picture) {
      this.pan.reveal(picture.box);
    }
    this.events.select?.(node !== null && this.folding.inside(node) ? null : node);
  }

  /** Show the whole flow, at any scale. */
  fit(): void {
    if (this.drawing && this.svg.clientWidth) {
      this.pan.fit(this.drawing, MARGIN);
      this.whole = true;
    }
  }

  /** Fit a picture that no person moved: the whole flow if asked for; otherwise at a scale with readable names. */
  private refit(): void {
    if (this.whole) {
      this.fit();
    } else if (this.drawing && this.svg.clientWidth) {
      this.pan.fitReadable(this.drawing, MARGIN, startOf(this.folding.drawn, this.drawing));
    }
  }

  /** Size in CSS pixels at which no part has to be scaled down. */
  get natural(): Size {
    return { width: (this.drawing?.width ?? 0) + 2 * MARGIN, height: (this.drawing?.height ?? 0) + 2 * MARGIN };
  }

  /** Return the present picture, with all its texts, as the text of an SVG file. */
  file(): string {
    const { svg, drawing, snapshot } = this;
    const classes = svg.getAttribute('class') ?? '';
    svg.removeAttribute('class');
    if (snapshot) {
      this.show(snapshot, performance.now(), { small: false, far: false, tiny: false });
    }
    const text = svgFile(svg, drawing ?? { width: 0, height: 0 }, MARGIN);
    svg.setAttribute('class', classes);
    return text;
  }

  dispose(): void {
    clearTimeout(this.restTimer);
    this.resized.disconnect();
    this.throttle.dispose();
    this.pan.dispose();
    this.frame.remove();
  }

  // --- keyboard

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
    if (id && this.folding.inside(id) && what !== 'open') {
      return;
    }
    if (id && what === 'open') {
      this.open(id);
    } else if (id && what !== 'open') {
      this.events.toggleBreak?.(id, what, '');
    }
  }

  // --- search

  find(): void {
    this.search.open();
  }

  get names(): string[] {
    return this.shape.nodes.map(n => n.id);
  }

  mark(found: Set<string>): void {
    for (const [id, { group }] of this.nodes) {
      group.classList.toggle('found', found.has(id) || Boolean(this.folding.inside(id)?.some(node => found.has(node))));
    }
  }

  look(id: string): void {
    this.choose(id);
    const picture = this.nodes.get(id);
    if (picture) {
      this.pan.center(picture.box);
    }
  }

  back(): void {
    (this.current?.group ?? this.svg).focus({ preventScroll: true });
  }

  // --- folding

  /** Fold all groups, or unfold all if folded. */
  fold(): void {
    if (this.folding.large) {
      this.folding.all(!this.folding.whole);
      this.events.folded?.(this.folding.folded);
      this.pan.moved = false;
      this.arrange();
    }
  }

  /** True if the flow is large enough to be folded. */
  get large(): boolean {
    return this.folding.large;
  }

  /** Return the fold action of a box of several nodes, or of a node that was in one; undefined for other nodes. */
  foldAt(id: string): { folded: boolean; act(): void } | undefined {
    const group = this.folding.groupOf(id);
    if (this.folding.inside(id)) {
      return { folded: true, act: () => this.unfold(id, this.folding.inside(id)!) };
    }
    return group === undefined ? undefined : { folded: false, act: () => {
      this.folding.set(group, true);
      this.goal = [group];
      this.arrange();
    } };
  }

  private unfold(box: string, goal: string[]): void {
    this.folding.set(box, false);
    this.goal = goal;
    this.arrange();
  }

  /** Look at the nodes that the picture was redrawn for. */
  private showGoal(): void {
    const boxes = this.goal.flatMap(id => this.nodes.get(id)?.box ?? []);
    this.goal = [];
    if (boxes.length === 1) {
      this.pan.center(boxes[0]);
    } else if (boxes.length) {
      this.pan.frame(around(boxes));
    }
  }

  private open(id: string): void {
    const inside = this.folding.inside(id);
    if (inside) {
      this.unfold(id, inside);
      return;
    }
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
      this.refit();
    } else if (this.current) {
      this.pan.reveal(this.current.box);
    }
    this.updateMap();
  }

  /** Lay out the flow, unless the frame has no width yet. */
  private arrange(): void {
    const { clientWidth } = this.frame;
    if (!clientWidth) {
      return;
    }
    this.narrow = clientWidth < NARROW;
    const { drawn } = this.folding;
    const wanted = JSON.stringify([this.narrow, drawn]);
    if (wanted === this.drawn) {
      return;
    }
    this.drawn = wanted;
    setFamily(getComputedStyle(this.frame).fontFamily);
    runInPieces(this.make(drawn), () => this.done(), drawn.nodes.length > LARGE, () => this.drawn === wanted);
  }

  private updateMap(): void {
    const { drawing, svg: { clientWidth, clientHeight } } = this;
    if (drawing) {
      this.minimap.move(drawing, this.pan.seen, { width: clientWidth, height: clientHeight });
    }
  }

  private *make(shape: Shape): Generator<void, void> {
    const drawing = yield* makeDrawing(shape, this.narrow);
    this.drawing = drawing;
    const events = { ...this.events, select: (node: string | null) => this.choose(node), open: (node: string) => this.open(node),
      message: (id: string, box: string) => this.events.message?.(id, this.folding.nodeOf(box, id, this.snapshot?.held ?? NONE)) };
    this.refit(); // while the canvas is empty: measuring is cheap then, and small texts are never laid out
    const pictures = yield* makePictures(shape, drawing, events);
    this.canvas.replaceChildren();
    Object.assign(this, pictures);
    yield* attachPictures(pictures, this.canvas);
  }

  private done(): void {
    const selected = this.selected;
    this.selected = null;
    this.select(selected !== null && this.nodes.has(selected) ? selected : null);
    this.search.markAgain();
    this.showGoal();
    this.frame.dispatchEvent(new CustomEvent('floe-drawn', { bubbles: true }));
    this.fresh = true;
    this.throttle.request();
  }

  /** Last press: a dragged picture captures the pointer as a whole, so a click does not name the element pressed. */
  private pressed: PointerEvent | null = null;

  private clicked({ target, clientX, clientY }: MouseEvent): void {
    const { pressed } = this;
    const near = pressed && Math.hypot(pressed.clientX - clientX, pressed.clientY - clientY) < 4;
    const wire = target === this.svg && near ? edgeAt(this.svg, clientX, clientY) : '';
    if (wire) {
      this.choose(null);
      this.wires.get(wire)?.group.classList.add('selected');
      this.events.wire?.(wire);
    } else if (target === this.svg) {
      this.choose(null);
    }
  }

  /** Set the last values of wires, in a few words. */
  setValues(values: Record<string, string>): void {
    for (const [name, value] of Object.entries(values)) {
      const wire = this.wires.get(name);
      if (wire && wire.value !== value) {
        wire.value = value;
        wire.explain();
        if (wire.group.matches(':hover')) {
          setTooltip(wire.group);
        }
      }
    }
  }

  private explain(target: Element): void {
    const wire = edgeOf(target);
    if (wire) {
      this.events.point?.(wire);
    }
    this.wires.get(wire)?.explain();
    setTooltip(target);
  }

  private paint(): void {
    clearTimeout(this.restTimer);
    const now = performance.now();
    const moving = this.fresh && this.snapshot ? this.show(this.snapshot, now, this.pan) : this.settleWires(now);
    this.fresh = false;
    this.minimap.draw(this.nodes.values(), now);
    if (moving) {
      this.restTimer = setTimeout(() => this.throttle.request(), 650);
    }
  }

  private show(given: Snapshot, now: number, { far, small, tiny }: Scale): boolean {
    const view = this.folding.view(given.view);
    const messages = grouped(this.folding.at(given.held));
    const marks = this.folding.marks(given.breaks);
    for (const node of view.nodes) {
      this.nodes.get(node.id)?.show(node, messages.get(node.id) ?? NONE, marks.get(node.id) ?? NONE, { small, far, tiny });
    }
    let moving = false;
    for (const wire of view.wires) {
      moving = this.wires.get(wire.name)?.show(wire, now, far) || moving;
    }
    return moving;
  }

  private settleWires(now: number): boolean {
    let moving = false;
    for (const wire of this.wires.values()) {
      moving = wire.settle(now, this.pan.far) || moving;
    }
    return moving;
  }
}
