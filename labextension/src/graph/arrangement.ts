/** Choice of the layout to draw: by the width of the view, and by the boxes that a person folded. */

import type { PageLayout } from '../wire';
import { Layouts, type LayoutSource } from './layouts';

/** Width in pixels below which flows run from top to bottom. */
const NARROW = 520;

export class Arrangement {
  private readonly layouts: Layouts;
  private readonly unfolded = new Set<string>();
  private flow = '';
  private width = 0;
  /** Layout that is drawn, or being drawn, and its flow. */
  private drawn: { layout: PageLayout; flow: string } | null = null;

  /** `folded`: true to draw large flows as boxes. `draw`: draws a layout. */
  constructor(
    source: LayoutSource,
    private folded: boolean,
    private readonly draw: (layout: PageLayout) => void
  ) {
    this.layouts = new Layouts(source, () => this.arrange());
  }

  /** Set the flow, as text to see changes, the layouts that came with it, and the width of the view; 0 for a hidden view. */
  setFlow(flow: string, layouts: PageLayout[], width: number): void {
    this.flow = flow;
    this.layouts.reset(flow, layouts);
    this.setWidth(width);
  }

  /** Set the width of the view. */
  setWidth(width: number): void {
    this.width = width;
    this.arrange();
  }

  /** Fold all groups, or unfold all if folded. Returns true if groups are folded now. */
  toggle(): boolean {
    this.folded = !this.folded || this.unfolded.size > 0;
    this.unfolded.clear();
    return this.folded;
  }

  /** Draw the nodes of a box separately, or as one box again. */
  set(box: string, folded: boolean): void {
    if (folded) {
      this.unfolded.delete(box);
    } else {
      this.unfolded.add(box);
    }
  }

  /** Draw the flow by the wanted layout, once that is known. Returns false if nobody can be asked for it now. */
  arrange(): boolean {
    if (!this.width || !this.flow) {
      return true;
    }
    const look = { vertical: this.width < NARROW, folded: this.folded, unfolded: [...this.unfolded] };
    const layout = this.layouts.find(look);
    const asked = layout !== undefined || this.layouts.request(look);
    const shown = layout ?? (this.drawn ? undefined : this.layouts.nearest(look));
    if (shown && (shown !== this.drawn?.layout || this.flow !== this.drawn.flow)) {
      this.drawn = { layout: shown, flow: this.flow };
      this.draw(shown);
    }
    return asked;
  }
}
