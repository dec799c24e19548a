/** Small map of the whole flow that marks the visible part; shown unless the whole flow is visible. */

import type { Box, Point, Size } from '../geometry';

/** Maximum size of the map in CSS pixels. */
const WIDEST = 168,
  HIGHEST = 112;
/** Minimum size in CSS pixels of a picture that has room for the map. */
const LEAST: Size = { width: 300, height: 170 };
/** Minimum milliseconds between two drawings of the map. */
const GAP = 500;
/** Fraction of the visible part that an arrow key moves by. */
const STEP = 0.2;

/** Node as the map draws it. */
export interface MapNode {
  box: Box;
  status: string;
}

const TONES = new Map([
  ['busy', '--floe-brand'],
  ['loading', '--floe-info'],
  ['held', '--floe-warn'],
  ['full', '--floe-warn'],
  ['failed', '--floe-error'],
  ['refused', '--floe-error']
]);

export class Minimap {
  readonly node = document.createElement('div');
  private readonly canvas = document.createElement('canvas');
  private readonly window = document.createElement('div');
  private scale = 1;
  private whole: Size = { width: 1, height: 1 };
  private seen: Box = { x: 0, y: 0, width: 1, height: 1 };
  private last = -Infinity;

  /** `go`: moves a point of the drawing into the middle of the view. `redraw`: asks for a drawing of the map. */
  constructor(
    private readonly go: (place: Point) => void,
    private readonly redraw: () => void
  ) {
    this.node.className = 'floe-map';
    this.node.hidden = true;
    this.node.tabIndex = 0;
    this.node.setAttribute('role', 'group');
    this.node.setAttribute('aria-label', 'Map of the flow: the arrow keys move the visible part');
    this.node.title = 'Drag to move the visible part';
    this.node.append(this.canvas, this.window);
    this.node.addEventListener('pointerdown', e => this.drag(e));
    this.node.addEventListener('keydown', e => this.key(e));
  }

  /** Follow a move or scaling of the picture: `seen` of the drawing `whole` is in the view, which has the size `room`. */
  move(whole: Size, seen: Box, room: Size): void {
    this.seen = seen;
    const all = seen.x < 1 && seen.y < 1 && seen.x + seen.width > whole.width - 1 && seen.y + seen.height > whole.height - 1;
    const hidden = all || room.width < LEAST.width || room.height < LEAST.height;
    if (hidden !== this.node.hidden || whole.width !== this.whole.width || whole.height !== this.whole.height) {
      this.node.hidden = hidden;
      this.size(whole);
      this.last = -Infinity;
      this.redraw();
    }
    if (!hidden) {
      const [left, top] = [Math.max(0, seen.x) * this.scale, Math.max(0, seen.y) * this.scale];
      const [right, bottom] = [
        Math.min(whole.width, seen.x + seen.width) * this.scale,
        Math.min(whole.height, seen.y + seen.height) * this.scale
      ];
      this.window.style.cssText = `left:${left}px;top:${top}px;width:${Math.max(3, right - left)}px;height:${Math.max(3, bottom - top)}px`;
    }
  }

  /** Draw the boxes if the map is visible and was not drawn within the last `GAP`. */
  draw(nodes: Iterable<MapNode>, now: number): void {
    const pen = this.node.hidden || now - this.last < GAP ? null : this.canvas.getContext('2d');
    if (!pen) {
      return;
    }
    this.last = now;
    const style = getComputedStyle(this.node);
    const tone = (name: string) => style.getPropertyValue(name).trim();
    const quiet = tone('--floe-line') || style.color;
    const tones = new Map([...TONES].map(([status, name]) => [status, tone(name) || quiet]));
    const scale = this.scale * devicePixelRatio;
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    for (const { box, status } of nodes) {
      pen.fillStyle = tones.get(status) ?? quiet;
      pen.fillRect(box.x * scale, box.y * scale, Math.max(1.5, box.width * scale), Math.max(1.5, box.height * scale));
    }
  }

  private size(whole: Size): void {
    this.whole = whole;
    this.scale = Math.min(WIDEST / whole.width, HIGHEST / whole.height);
    const [width, height] = [Math.max(24, whole.width * this.scale), Math.max(16, whole.height * this.scale)];
    Object.assign(this.canvas, { width: Math.round(width * devicePixelRatio), height: Math.round(height * devicePixelRatio) });
    this.canvas.style.cssText = `width:${width}px;height:${height}px`;
  }

  private to(event: PointerEvent): void {
    const box = this.canvas.getBoundingClientRect();
    const zoomed = box.width / this.canvas.offsetWidth || 1;
    this.go({ x: (event.clientX - box.left) / zoomed / this.scale, y: (event.clientY - box.top) / zoomed / this.scale });
  }

  private drag(event: PointerEvent): void {
    if (event.button !== 0) {
      return;
    }
    event.preventDefault();
    this.node.focus({ preventScroll: true });
    this.node.setPointerCapture(event.pointerId);
    this.to(event);
    const over = new AbortController();
    const { signal } = over;
    this.node.addEventListener('pointermove', move => this.to(move), { signal });
    for (const end of ['pointerup', 'pointercancel'] as const) {
      this.node.addEventListener(end, () => over.abort(), { signal });
    }
  }

  private key(event: KeyboardEvent): void {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    if (dx || dy) {
      const { x, y, width, height } = this.seen;
      this.go({ x: x + width * (0.5 + STEP * dx), y: y + height * (0.5 + STEP * dy) });
      event.preventDefault();
      event.stopPropagation();
    }
  }
}
