/** Live graph of a flow: used unchanged by the widget under a cell and by the panel. */

import { Arrangement } from './arrangement';
import { handleKey, zoomButtons } from './controls/keyboard';
import { Minimap } from './controls/minimap';
import { around, Pan } from './controls/pan';
import { Search } from './controls/search';
import { svgFile } from './export';
import { Fold } from './fold';
import { makeDrawing, MARGIN, type Drawing } from './drawing';
import type { Size } from './geometry';
import type { LayoutSource } from './layouts';
import type { GraphEvents, Shape, Snapshot } from './model';
import { Painter } from './painter';
import { runInPieces } from './pieces';
import type { NodePicture } from './pictures/node';
import { attachPictures, makePictures, startOf, type Pictures } from './pictures/pictures';
import { arrow, element } from './pictures/svg';
import { setFamily } from './pictures/text';
import type { PageLayout } from '../wire';
import { addStyle } from './style';
import { DrawThrottle } from './throttle';
import { WirePointer } from './wire_pointer';

/** Maximum number of nodes that are drawn at once; larger flows in pieces, so that the page is never blocked. */
const LARGE = 60;

/** Shape and layout before the first. */
const NOTHING: Shape = { name: '', nodes: [], wires: [] };
const EMPTY: PageLayout = { width: 0, height: 0, boxes: [], wires: [] };

export class GraphView {
  private readonly svg = element('svg', { tabindex: 0, role: 'group', 'aria-label': 'Flow' });
  private readonly canvas = element('g', { class: 'floe-drawing' });
  private readonly frame = document.createElement('div');
  private readonly pan: Pan;
  private readonly minimap = new Minimap(
    place => this.pan.go(place),
    () => this.throttle?.request()
  );
  private readonly search = new Search(this);
  /** Boxes as drawn; other boxes may be wanted, and drawn once their layout is known. */
  private folding = new Fold(NOTHING, EMPTY);
  /** Boxes being drawn. */
  private coming = this.folding;
  private readonly arrangement: Arrangement;
  /** Nodes to look at after the next drawing: some nodes, or a single one in the middle. */
  private goal: string[] = [];
  private readonly throttle: DrawThrottle;
  private readonly resized: ResizeObserver;
  private readonly painter: Painter;
  private readonly pointer: WirePointer;
  private pictures: Pictures = { nodes: new Map(), wires: new Map() };
  private shape: Shape = NOTHING;
  private drawing: Drawing | null = null;
  /** True if the person asked for the whole flow. */
  private whole = false;
  private selected: string | null = null;

  constructor(
    host: HTMLElement,
    source: LayoutSource,
    private readonly events: GraphEvents = {},
    folded = true
  ) {
    this.arrangement = new Arrangement(source, folded, layout => this.draw(layout));
    addStyle(document);
    this.frame.className = 'floe-graph';
    this.svg.append(arrow(), this.canvas);
    this.frame.append(
      this.svg,
      zoomButtons({ in: () => this.pan.zoom(1.25), out: () => this.pan.zoom(0.8), fit: () => this.fit() }),
      this.minimap.node,
      this.search.node
    );
    host.append(this.frame);
    this.pan = new Pan(
      this.svg,
      this.canvas,
      () => this.painter.invalidate(),
      () => this.updateMap()
    );
    this.painter = new Painter({
      folding: () => this.folding,
      minimap: this.minimap,
      scale: this.pan,
      pictures: () => this.pictures,
      redraw: () => this.throttle?.request()
    });
    this.throttle = new DrawThrottle(this.frame, () => this.painter.paint());
    this.resized = new ResizeObserver(() => this.resize());
    this.resized.observe(this.frame);
    this.svg.addEventListener('keydown', e => handleKey(e, this));
    this.pointer = new WirePointer(this.svg, () => this.pictures.wires, {
      point: wire => events.point?.(wire),
      click: wire => this.chooseWire(wire)
    });
  }

  /** Draw a shape, at once if a layout of it is known or given; the selection stays if the new shape still has the node. */
  setFlow(shape: Shape, layouts: PageLayout[] = []): void {
    this.shape = shape;
    this.svg.setAttribute('aria-label', `Flow ${shape.name}`);
    this.arrangement.setFlow(JSON.stringify(shape), layouts, this.frame.clientWidth);
  }

  /** Show a snapshot, soon. */
  patch(snapshot: Snapshot): void {
    this.painter.snapshot = snapshot;
    this.painter.invalidate();
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
  private refit({ drawn }: Fold = this.folding): void {
    if (this.whole) {
      this.fit();
    } else if (this.drawing && this.svg.clientWidth) {
      this.pan.fitReadable(this.drawing, MARGIN, startOf(drawn, this.drawing));
    }
  }

  /** Size in CSS pixels at which no part has to be scaled down. */
  get natural(): Size {
    return { width: (this.drawing?.width ?? 0) + 2 * MARGIN, height: (this.drawing?.height ?? 0) + 2 * MARGIN };
  }

  /** Return the present picture, with all its texts, as the text of an SVG file. */
  file(): string {
    const {
      svg,
      drawing,
      painter: { snapshot }
    } = this;
    const classes = svg.getAttribute('class') ?? '';
    svg.removeAttribute('class');
    if (snapshot) {
      this.painter.show(snapshot, performance.now(), { small: false, far: false, tiny: false });
    }
    const text = svgFile(svg, drawing ?? { width: 0, height: 0 }, MARGIN);
    svg.setAttribute('class', classes);
    return text;
  }

  dispose(): void {
    this.painter.dispose();
    this.resized.disconnect();
    this.throttle.dispose();
    this.pan.dispose();
    this.frame.remove();
  }

  private get nodes(): Map<string, NodePicture> {
    return this.pictures.nodes;
  }

  /** Select a wire as a click does; '' for none. */
  private chooseWire(wire: string): void {
    this.choose(null);
    if (wire) {
      this.pictures.wires.get(wire)?.group.classList.add('selected');
      this.events.wire?.(wire);
    }
  }

  /** Set the last values of wires, in a few words. */
  setValues(values: Record<string, string>): void {
    this.pointer.setValues(values);
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
      this.events.folded?.(this.arrangement.toggle());
      this.pan.moved = false;
      this.rearrange([]);
    }
  }

  /** True if the flow is large enough to be folded. */
  get large(): boolean {
    return this.folding.large;
  }

  /** Return the fold action of a box of several nodes, or of a node that was in one; undefined for other nodes. */
  foldAt(id: string): { folded: boolean; act(): void } | undefined {
    const [inside, group] = [this.folding.inside(id), this.folding.groupOf(id)];
    if (inside) {
      return { folded: true, act: () => this.unfold(id, inside) };
    }
    return group === undefined ? undefined : { folded: false, act: () => this.foldAgain(group) };
  }

  private foldAgain(group: string): void {
    this.arrangement.set(group, true);
    this.rearrange([group]);
  }

  private unfold(box: string, goal: string[]): void {
    this.arrangement.set(box, false);
    this.rearrange(goal);
  }

  /** Draw other boxes on behalf of a person, who then looks at `goal`. */
  private rearrange(goal: string[]): void {
    this.goal = goal;
    if (!this.arrangement.arrange()) {
      this.events.unanswered?.();
    }
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
    const before = this.drawing;
    this.arrangement.setWidth(clientWidth);
    if (before !== this.drawing) {
      return; // drawn anew
    }
    if (!this.pan.moved) {
      this.refit();
    } else if (this.current) {
      this.pan.reveal(this.current.box);
    }
    this.updateMap();
  }

  /** Draw the flow by a layout. */
  private draw(layout: PageLayout): void {
    const folding = (this.coming = new Fold(this.shape, layout));
    setFamily(getComputedStyle(this.frame).fontFamily);
    runInPieces(
      this.make(folding, layout),
      () => this.done(),
      folding.drawn.nodes.length > LARGE,
      () => this.coming === folding
    );
  }

  private updateMap(): void {
    const {
      drawing,
      svg: { clientWidth, clientHeight }
    } = this;
    if (drawing) {
      this.minimap.move(drawing, this.pan.seen, { width: clientWidth, height: clientHeight });
    }
  }

  private *make(folding: Fold, layout: PageLayout): Generator<void, void> {
    const drawing = yield* makeDrawing(layout);
    this.drawing = drawing;
    const events = {
      ...this.events,
      select: (node: string | null) => this.choose(node),
      open: (node: string) => this.open(node),
      message: (id: string, box: string) =>
        this.events.message?.(id, this.folding.nodeOf(box, id, this.painter.snapshot?.held ?? []))
    };
    this.refit(folding); // while the canvas is empty: measuring is cheap then, and small texts are never laid out
    const pictures = yield* makePictures(folding.drawn, drawing, events);
    this.canvas.replaceChildren();
    this.folding = folding;
    this.pictures = pictures;
    yield* attachPictures(pictures, this.canvas);
  }

  private done(): void {
    const selected = this.selected;
    this.selected = null;
    this.select(selected !== null && this.nodes.has(selected) ? selected : null);
    this.search.markAgain();
    this.showGoal();
    this.frame.dispatchEvent(new CustomEvent('floe-drawn', { bubbles: true }));
    this.painter.invalidate();
  }
}
