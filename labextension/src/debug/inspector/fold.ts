/** Fold state of the inspector: unfolded while a selection exists, unless the person chose otherwise. */

import { storedValue, storeValue } from '../../page/storage';

/** Milliseconds after a click within which a second click may follow: the picture must not move between the two. */
const DOUBLE_CLICK = 300;

type Choice = 'auto' | 'open' | 'folded';

export class InspectorFold {
  private choice: Choice;
  private selected = false;
  /** True if the person asked to see the selection, which overrides the wish. */
  private requested = false;
  private clicked = -Infinity;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly node: HTMLElement,
    canvas: HTMLElement,
    private readonly changed: () => void
  ) {
    const found = storedValue('inspector');
    this.choice = found === 'open' || found === 'folded' ? found : 'auto';
    canvas.addEventListener('pointerdown', e => {
      this.clicked = e.timeStamp;
    });
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
    this.requested &&= on;
    clearTimeout(this.timer);
    const wait = on && !this.open ? this.clicked + DOUBLE_CLICK - performance.now() : 0;
    if (wait > 0) {
      this.timer = setTimeout(() => this.show(), wait);
    } else {
      this.show();
    }
  }

  /** Show the selection now. */
  showNow(): void {
    this.requested = true;
    clearTimeout(this.timer);
    this.show();
  }

  /** Fold or unfold the inspector, and remember the choice. */
  toggle(): void {
    this.choice = this.open ? (this.selected ? 'folded' : 'auto') : this.selected ? 'auto' : 'open';
    this.requested = false;
    storeValue('inspector', this.choice === 'auto' ? undefined : this.choice);
    this.show();
  }

  private show(): void {
    const open = this.choice === 'open' || this.requested || (this.choice === 'auto' && this.selected);
    if (open !== this.open) {
      this.node.hidden = !open;
      this.changed();
    }
  }
}
