/** Fold state of the inspector: unfolded while a selection exists, unless the person chose otherwise. */

import { recall, remember } from './remember';

/** Milliseconds after a click within which a second click may follow: the picture must not move between the two. */
const DOUBLE = 300;

type Wish = 'auto' | 'open' | 'folded';

export class Aside {
  private wish: Wish;
  private selected = false;
  /** True if the person asked to see the selection, which overrides the wish. */
  private asked = false;
  private clicked = -Infinity;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly node: HTMLElement, canvas: HTMLElement, private readonly changed: () => void) {
    const found = recall('inspector');
    this.wish = found === 'open' || found === 'folded' ? found : 'auto';
    canvas.addEventListener('pointerdown', e => { this.clicked = e.timeStamp; });
    this.show();
  }

  dispose(): void {
    clearTimeout(this.timer);
  }

  get open(): boolean {
    return !this.node.hidden;
  }

  /** Note whether a selection exists. */
  select(on: boolean): void {
    this.selected = on;
    this.asked &&= on;
    clearTimeout(this.timer);
    const wait = on && !this.open ? this.clicked + DOUBLE - performance.now() : 0;
    if (wait > 0) {
      this.timer = setTimeout(() => this.show(), wait);
    } else {
      this.show();
    }
  }

  /** Show the selection now. */
  look(): void {
    this.asked = true;
    clearTimeout(this.timer);
    this.show();
  }

  /** Fold or unfold the inspector, and remember the choice. */
  toggle(): void {
    this.wish = this.open ? this.selected ? 'folded' : 'auto' : this.selected ? 'auto' : 'open';
    this.asked = false;
    remember('inspector', this.wish === 'auto' ? undefined : this.wish);
    this.show();
  }

  private show(): void {
    const open = this.wish === 'open' || this.asked || this.wish === 'auto' && this.selected;
    if (open !== this.open) {
      this.node.hidden = !open;
      this.changed();
    }
  }
}
