/** Moving and scaling one SVG group with pointer, wheel and keyboard. */

import type { Box, Size } from './layout';

const MIN = 0.04;
const MAX = 3;
/** Below this, texts could not be read and give way to the name alone, written large. */
const LEGIBLE = 0.42;
/** Below this, that could not be read either. */
const NAMED = 0.3;
const EDGE = 8;
/** Kept free below, in pixels: the buttons stand there. */
export const FOOT = 36;

export class Pan {
  private x = 0;
  private y = 0;
  private scale = 1;
  /** Once somebody moved it, it is not fitted again by itself. */
  moved = false;
  /** Whether it is so small that no text can be read. */
  far = false;
  private nameless = false;
  private readonly stop = new AbortController();

  constructor(private readonly svg: SVGSVGElement, private readonly group: SVGGElement, private readonly nearer: () => void) {
    const { signal } = this.stop;
    svg.addEventListener('wheel', e => this.wheel(e), { signal, passive: false });
    svg.addEventListener('pointerdown', e => this.drag(e), { signal });
  }

  dispose(): void {
    this.stop.abort();
  }

  /** All of it, never larger than life. */
  fit({ width, height }: Size, margin: number): void {
    const { w } = this.room();
    const h = Math.max(1, this.room().h - FOOT);
    const full = { width: width + 2 * margin, height: height + 2 * margin };
    this.scale = Math.min(1, Math.max(MIN, Math.min(w / full.width, h / full.height)));
    this.x = (w - width * this.scale) / 2;
    this.y = (h - height * this.scale) / 2;
    this.moved = false;
    this.apply();
  }

  /** About the middle, or a place in pixels of the window. */
  zoom(factor: number, cx = this.room().w / 2, cy = this.room().h / 2): void {
    const next = Math.min(MAX, Math.max(MIN, this.scale * factor));
    this.x = cx - (cx - this.x) * (next / this.scale);
    this.y = cy - (cy - this.y) * (next / this.scale);
    this.scale = next;
    this.moved = true;
    this.apply();
  }

  /** Moves as little as needed for a box to be seen. */
  reveal(box: Box): void {
    const { w, h } = this.room();
    const shift = (at: number, size: number, from: number, room: number) => {
      const [low, high] = [from + at * this.scale, from + (at + size) * this.scale];
      return low < EDGE ? EDGE - low : high > room - EDGE ? Math.max(room - EDGE - high, EDGE - low) : 0;
    };
    const [dx, dy] = [shift(box.x, box.width, this.x, w), shift(box.y, box.height, this.y, h)];
    if (dx || dy) {
      this.x += dx;
      this.y += dy;
      this.moved = true;
      this.apply();
    }
  }

  /** So near that the texts of a box can be read. */
  approach(box: Box): void {
    if (this.scale < LEGIBLE) {
      const { w, h } = this.room();
      this.scale = 0.9;
      this.x = w / 2 - (box.x + box.width / 2) * this.scale;
      this.y = h / 2 - (box.y + box.height / 2) * this.scale;
      this.moved = true;
      this.apply();
    }
  }

  private room(): { w: number; h: number } {
    return { w: this.svg.clientWidth, h: this.svg.clientHeight };
  }

  private apply(): void {
    this.group.setAttribute('transform', `translate(${round(this.x)},${round(this.y)}) scale(${this.scale.toFixed(5)})`);
    if (this.nameless !== this.scale < NAMED) {
      this.nameless = !this.nameless;
      this.svg.classList.toggle('nameless', this.nameless);
    }
    if (this.far !== this.scale < LEGIBLE) {
      this.far = !this.far;
      this.svg.classList.toggle('far', this.far);
      this.nearer();
    }
  }

  private wheel(event: WheelEvent): void {
    // without a modifier the page scrolls: a notebook must not be caught by the graph under the pointer
    if (!event.ctrlKey && !event.metaKey) {
      return;
    }
    event.preventDefault();
    const box = this.svg.getBoundingClientRect();
    this.zoom(Math.exp(-event.deltaY / 400), event.clientX - box.left, event.clientY - box.top);
  }

  private drag(event: PointerEvent): void {
    if (event.button !== 0 || (event.target as Element).closest('[data-node]')) {
      return;
    }
    const from = { x: event.clientX - this.x, y: event.clientY - this.y };
    const over = new AbortController();
    const { signal } = over;
    this.svg.setPointerCapture(event.pointerId);
    this.svg.addEventListener('pointermove', move => {
      this.x = move.clientX - from.x;
      this.y = move.clientY - from.y;
      this.moved = true;
      this.apply();
    }, { signal });
    for (const end of ['pointerup', 'pointercancel'] as const) {
      this.svg.addEventListener(end, () => over.abort(), { signal });
    }
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
