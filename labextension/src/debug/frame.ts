/** Size of a view: its height, which can be dragged and is remembered, or the whole window while maximised. */

import { h } from '../page/dom';
import { storedValue, storeValue } from '../page/storage';

const LEAST = 260;
const MOST = 4_000;
/** Minimum height of the picture alone in pixels, if the parts are stacked. */
const LEAST_PICTURE = 160;
/** Pixels that an arrow key adds to the height. */
const STEP = 20;

const FOCUSABLE = ':is(button, input, select, textarea):enabled, summary, [tabindex="0"], a[href]';

export class Frame {
  readonly grip = h('div', {
    class: 'floe-grip',
    role: 'separator',
    'aria-orientation': 'horizontal',
    'aria-label': 'Height of the view',
    tabindex: 0,
    title: 'Drag to change the height; double-click to restore the first height',
    pointerdown: (e: PointerEvent) => this.drag(e),
    keydown: (e: KeyboardEvent) => this.key(e),
    dblclick: () => this.reset()
  });
  private readonly firstHeight: string;
  private readonly stop = new AbortController();

  /** `name`: key of the remembered heights. `canvas`: the picture, whose height is changed if the parts are stacked. */
  constructor(
    private readonly host: HTMLElement,
    private readonly canvas: HTMLElement,
    private readonly name: string,
    private readonly changed: () => void
  ) {
    this.firstHeight = host.style.getPropertyValue('--floe-height');
    this.grip.hidden = !this.firstHeight; // hidden if the surroundings set the height, as in a tab
    const { signal } = this.stop;
    host.addEventListener(
      'toggle',
      e => {
        if (e.target === host && !host.matches(':popover-open')) {
          this.restored();
        }
      },
      { signal }
    );
    document.addEventListener('keydown', e => this.trapKey(e), { signal, capture: true });
    if (this.firstHeight) {
      this.loadHeights();
    }
  }

  dispose(): void {
    this.stop.abort();
    this.restored();
  }

  get maximised(): boolean {
    return this.host.classList.contains('maximised');
  }

  maximise(on: boolean): void {
    if (on === this.maximised || (on && !this.host.showPopover)) {
      return;
    }
    if (!on) {
      this.host.hidePopover();
      return this.restored();
    }
    // keep the surroundings in place: otherwise the page would be scrolled elsewhere afterwards
    this.host.parentElement?.style.setProperty('min-height', `${this.host.offsetHeight}px`);
    this.host.classList.add('maximised');
    // the top layer: JupyterLab's own containers would hold a fixed element
    this.host.popover = 'manual';
    this.host.showPopover();
    this.focus();
    this.changed();
  }

  private restored(): void {
    if (this.maximised) {
      this.host.classList.remove('maximised');
      this.host.popover = null;
      this.host.parentElement?.style.removeProperty('min-height');
      this.changed();
    }
  }

  /** Move the focus into the visible part unless already inside. */
  private focus(): void {
    if (!this.host.contains(document.activeElement)) {
      this.host.querySelector<HTMLElement>('[tabindex]')?.focus({ preventScroll: true });
    }
  }

  /** Keep Tab inside the maximised view; Escape with the focus elsewhere restores the view. */
  private trapKey(event: KeyboardEvent): void {
    if (!this.maximised || (event.key !== 'Tab' && event.key !== 'Escape')) {
      return;
    }
    const inside = this.host.contains(document.activeElement);
    if (event.key === 'Escape') {
      if (!inside) {
        this.maximise(false);
        event.stopPropagation();
      }
      return;
    }
    const all = [...this.host.querySelectorAll<HTMLElement>(FOCUSABLE)].filter(e => e.getClientRects().length && e.tabIndex >= 0);
    const end = event.shiftKey ? all[0] : all[all.length - 1];
    if (!inside || document.activeElement === end) {
      (event.shiftKey ? all[all.length - 1] : all[0])?.focus();
      event.preventDefault();
      event.stopPropagation();
    }
  }

  // --- the height

  private get narrow(): boolean {
    return this.host.classList.contains('narrow');
  }

  private get height(): number {
    return this.narrow ? this.canvas.offsetHeight : this.host.offsetHeight;
  }

  private set height(wanted: number) {
    const height = Math.round(Math.min(MOST, Math.max(this.narrow ? LEAST_PICTURE : LEAST, wanted)));
    this.host.style.setProperty(this.narrow ? '--floe-picture' : '--floe-height', `${height}px`);
    this.grip.setAttribute('aria-valuenow', String(height));
  }

  private loadHeights(): void {
    for (const [part, variable] of [
      ['height', '--floe-height'],
      ['picture', '--floe-picture']
    ]) {
      const height = storedValue(`${part} ${this.name}`);
      if (typeof height === 'number' && height >= LEAST_PICTURE && height <= MOST) {
        this.host.style.setProperty(variable, `${height}px`);
      }
    }
    Object.entries({ min: LEAST, max: MOST, now: parseInt(this.host.style.getPropertyValue('--floe-height')) }).forEach(
      ([which, value]) => this.grip.setAttribute(`aria-value${which}`, String(value))
    );
  }

  private saveHeight(): void {
    storeValue(`${this.narrow ? 'picture' : 'height'} ${this.name}`, this.height);
  }

  private reset(): void {
    this.host.style.setProperty('--floe-height', this.firstHeight);
    this.host.style.removeProperty('--floe-picture');
    storeValue(`height ${this.name}`, undefined);
    storeValue(`picture ${this.name}`, undefined);
    this.grip.setAttribute('aria-valuenow', String(parseInt(this.firstHeight)));
  }

  private key(event: KeyboardEvent): void {
    const by = event.key === 'ArrowDown' ? STEP : event.key === 'ArrowUp' ? -STEP : 0;
    if (by) {
      this.height += by;
      this.saveHeight();
      event.preventDefault();
      event.stopPropagation();
    }
  }

  private drag(event: PointerEvent): void {
    if (event.button !== 0) {
      return;
    }
    event.preventDefault();
    this.grip.focus();
    const from = this.height - event.clientY;
    const over = new AbortController();
    const { signal } = over;
    this.grip.setPointerCapture(event.pointerId);
    this.grip.addEventListener(
      'pointermove',
      move => {
        this.height = from + move.clientY;
      },
      { signal }
    );
    for (const end of ['pointerup', 'pointercancel'] as const) {
      this.grip.addEventListener(
        end,
        () => {
          over.abort();
          this.saveHeight();
        },
        { signal }
      );
    }
  }
}
