/** Panning and zooming of one SVG group with pointer, wheel and keyboard. */

import type { Box, Point, Size } from '../geometry';

const MIN = 0.04;
const MAX = 3;
/**
 * Scale below which names of the usual size would be smaller than 10 px on the screen: names are written larger, in place of the
 * other texts.
 */
const PLAIN = 0.77;
/** Scale below which all texts but the name give way; the name is written larger still. */
const LEGIBLE = 0.55;
/** Scale below which the name is written as large as a box is high. */
const TINY = 0.4;
/** Scale below which even a name of that size could not be read. */
const NAMED = 0.275;
/** Smallest scale unless a person asks to see the whole: names can be read. */
const LEAST = 0.3;
const EDGE = 8;
/** Pixels kept free at the bottom, for the buttons. */
export const FOOT = 36;

export class Pan {
  private x = 0;
  private y = 0;
  private scale = 1;
  /** True once a person moved the picture, which is then not fitted again without a request. */
  moved = false;
  /** True at a small scale, at which names are written larger. */
  small = false;
  /** True at a smaller scale, at which only the name can be read. */
  far = false;
  /** True if the name must be as large as its box is high. */
  tiny = false;
  private readonly stop = new AbortController();

  constructor(
    private readonly svg: SVGSVGElement,
    private readonly group: SVGGElement,
    private readonly levelChanged: () => void,
    private readonly changed: () => void
  ) {
    const { signal } = this.stop;
    svg.addEventListener('wheel', e => this.wheel(e), { signal, passive: false });
    svg.addEventListener('pointerdown', e => this.drag(e), { signal });
  }

  dispose(): void {
    this.stop.abort();
  }

  /** Show the whole drawing, never larger than its natural size. */
  fit(size: Size, margin: number): void {
    this.scaleToFit(size, margin, MIN);
  }

  /** Show the whole drawing while its names can be read; otherwise as much as fits, with `start` in sight. */
  fitReadable(size: Size, margin: number, start: Box): void {
    if (this.scaleToFit(size, margin, LEAST)) {
      return;
    }
    const { w } = this.room();
    const h = Math.max(1, this.room().h - FOOT);
    this.x = origin(start.x + start.width / 2, size.width, this.scale, w, margin);
    this.y = origin(start.y + start.height / 2, size.height, this.scale, h, margin);
    this.apply();
  }

  /** Centre the drawing, scaled down to `least` at most. Returns true if the whole drawing is visible. */
  private scaleToFit({ width, height }: Size, margin: number, least: number): boolean {
    const { w } = this.room();
    const h = Math.max(1, this.room().h - FOOT);
    const wanted = Math.min(w / (width + 2 * margin), h / (height + 2 * margin));
    this.scale = Math.min(1, Math.max(least, wanted));
    this.x = (w - width * this.scale) / 2;
    this.y = (h - height * this.scale) / 2;
    this.moved = false;
    this.apply();
    return wanted >= least;
  }

  /** Zoom about the middle, or about a point in pixels of the window. */
  zoom(factor: number, cx = this.room().w / 2, cy = this.room().h / 2): void {
    const next = Math.min(MAX, Math.max(MIN, this.scale * factor));
    this.x = cx - (cx - this.x) * (next / this.scale);
    this.y = cy - (cy - this.y) * (next / this.scale);
    this.scale = next;
    this.moved = true;
    this.apply();
  }

  /** Move as little as needed for a box to be visible. */
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

  /** Zoom in on a box until its texts can be read. */
  approach(box: Box): void {
    if (this.scale < PLAIN) {
      this.center(box);
    }
  }

  /** Centre a box, zooming in until its texts can be read. */
  center(box: Box): void {
    if (this.scale < PLAIN) {
      this.scale = 0.9;
    }
    this.go({ x: box.x + box.width / 2, y: box.y + box.height / 2 });
  }

  /** Centre a box, at the largest scale that shows the whole box. */
  frame(box: Box): void {
    const { w, h } = this.room();
    this.scale = Math.min(1, Math.max(MIN, Math.min(w / (box.width + 2 * FOOT), h / (box.height + 2 * FOOT))));
    this.go({ x: box.x + box.width / 2, y: box.y + box.height / 2 });
  }

  /** Move a point of the drawing into the middle. */
  go({ x, y }: Point): void {
    const { w, h } = this.room();
    this.x = w / 2 - x * this.scale;
    this.y = h / 2 - y * this.scale;
    this.moved = true;
    this.apply();
  }

  /** Part of the drawing that is in the window. */
  get seen(): Box {
    const { w, h } = this.room();
    return { x: -this.x / this.scale, y: -this.y / this.scale, width: w / this.scale, height: h / this.scale };
  }

  private room(): { w: number; h: number } {
    return { w: this.svg.clientWidth, h: this.svg.clientHeight };
  }

  private apply(): void {
    this.group.setAttribute('transform', `translate(${round(this.x)},${round(this.y)}) scale(${this.scale.toFixed(5)})`);
    const { small, far, tiny } = this;
    this.small = this.scale < PLAIN;
    this.far = this.scale < LEGIBLE;
    this.tiny = this.scale < TINY;
    this.svg.classList.toggle('tiny', this.tiny);
    this.svg.classList.toggle('small', this.small && !this.far);
    this.svg.classList.toggle('far', this.far);
    this.svg.classList.toggle('nameless', this.scale < NAMED);
    if (small !== this.small || far !== this.far || tiny !== this.tiny) {
      this.levelChanged();
    }
    this.changed();
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
    this.svg.addEventListener(
      'pointermove',
      move => {
        this.x = move.clientX - from.x;
        this.y = move.clientY - from.y;
        this.moved = true;
        this.apply();
      },
      { signal }
    );
    for (const end of ['pointerup', 'pointercancel'] as const) {
      this.svg.addEventListener(end, () => over.abort(), { signal });
    }
  }
}

/**
 * Return where a side of the drawing begins in a window of `room` pixels: centred if the side fits, else with `at` as near to
 * the middle as the ends allow.
 */
function origin(at: number, length: number, scale: number, room: number, margin: number): number {
  const [free, edge] = [room - length * scale, margin * scale];
  return free >= 2 * edge ? free / 2 : Math.max(free - edge, Math.min(edge, room / 2 - at * scale));
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Return the box around several boxes. */
export function around(boxes: Box[]): Box {
  const [left, top] = [Math.min(...boxes.map(b => b.x)), Math.min(...boxes.map(b => b.y))];
  return {
    x: left,
    y: top,
    width: Math.max(...boxes.map(b => b.x + b.width)) - left,
    height: Math.max(...boxes.map(b => b.y + b.height)) - top
  };
}
