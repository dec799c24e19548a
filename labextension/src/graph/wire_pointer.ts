/** Wires and the pointer: a click selects a wire, and the wire under the pointer has a tooltip. */

import { edgeAt, edgeOf, setTooltip } from './pictures/svg';
import type { WirePicture } from './pictures/wire';

/** Pixels that the pointer may move between press and release of a click. */
const CLICK = 4;

/** Callbacks for the pointer on wires. */
export interface WirePointerEvents {
  /** Called when the pointer is on a wire. */
  point(wire: string): void;
  /** Called on a click; '' for a click on the empty picture. */
  click(wire: string): void;
}

export class WirePointer {
  /** Last press: a dragged picture captures the pointer as a whole, so a click does not name the element pressed. */
  private pressed: PointerEvent | null = null;

  constructor(
    private readonly svg: SVGSVGElement,
    private readonly wires: () => Map<string, WirePicture>,
    private readonly events: WirePointerEvents
  ) {
    svg.addEventListener('pointerover', e => this.explain(e.target as Element));
    svg.addEventListener('pointerdown', e => {
      this.pressed = e;
    });
    svg.addEventListener('click', e => this.clicked(e));
  }

  /** Set the last values of wires, in a few words. */
  setValues(values: Record<string, string>): void {
    for (const [name, value] of Object.entries(values)) {
      const wire = this.wires().get(name);
      if (wire && wire.value !== value) {
        wire.value = value;
        wire.explain();
        if (wire.group.matches(':hover')) {
          setTooltip(wire.group);
        }
      }
    }
  }

  private clicked({ target, clientX, clientY }: MouseEvent): void {
    const { pressed, svg } = this;
    if (target === svg) {
      const near = pressed && Math.hypot(pressed.clientX - clientX, pressed.clientY - clientY) < CLICK;
      this.events.click(near ? edgeAt(svg, clientX, clientY) : '');
    }
  }

  private explain(target: Element): void {
    const wire = edgeOf(target);
    if (wire) {
      this.events.point(wire);
    }
    this.wires().get(wire)?.explain();
    setTooltip(target);
  }
}
