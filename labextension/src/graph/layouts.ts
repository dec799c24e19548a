/** Layouts of the flow that the page knows, and requests for others: all are computed in Python. */

import type { PageLayout } from '../wire';

/** Choices of the page for a layout. */
export interface Look {
  vertical: boolean;
  folded: boolean;
  /** Boxes drawn as their nodes all the same. */
  unfolded: string[];
}
/** Asks for a layout; null if nobody answers now. */
export type LayoutSource = (look: Look) => Promise<PageLayout> | null;

/** Maximum number of layouts kept. */
const KEPT = 12;

export class Layouts {
  private known = new Map<string, PageLayout>();
  private flow = '';
  private asked = '';

  /** `arrived`: called after an answer. */
  constructor(
    private readonly source: LayoutSource,
    private readonly arrived: () => void
  ) {}

  /** Set the flow, and layouts that came with it; layouts of another flow are forgotten. */
  reset(flow: string, given: PageLayout[]): void {
    if (flow !== this.flow) {
      this.flow = flow;
      this.asked = '';
      this.known.clear();
    }
    given.forEach(layout => this.keep(keyOf(lookOf(layout)), layout));
  }

  /** Return the layout for a look. */
  find(look: Look): PageLayout | undefined {
    return this.known.get(keyOf(look)) ?? this.all.find(layout => !isLarge(layout) && lookOf(layout).vertical === look.vertical);
  }

  /** Return the most similar layout, to show until the right one is known. */
  nearest(look: Look): PageLayout | undefined {
    return this.all.find(layout => lookOf(layout).vertical === look.vertical) ?? this.all[0];
  }

  /** Ask for a layout, once. Returns false if nobody answers now. */
  request(look: Look): boolean {
    const [key, { flow }] = [keyOf(look), this];
    if (this.asked === key) {
      return true;
    }
    const answer = this.source(look);
    if (!answer) {
      return false;
    }
    this.asked = key;
    const mine = () => flow === this.flow && this.asked === key;
    answer.then(
      layout => {
        if (mine()) {
          this.asked = '';
          this.keep(key, layout);
          this.arrived();
        }
      },
      () => {
        this.asked = mine() ? '' : this.asked; // the source has told the error
      }
    );
    return true;
  }

  private get all(): PageLayout[] {
    return [...this.known.values()];
  }

  private keep(key: string, layout: PageLayout): void {
    this.known.delete(key);
    this.known.set(key, layout);
    if (this.known.size > KEPT) {
      this.known.delete(this.known.keys().next().value!);
    }
  }
}

function lookOf({ vertical = false, folded = false, unfolded = [] }: PageLayout): Look {
  return { vertical, folded, unfolded };
}

function isLarge({ groups = [] }: PageLayout): boolean {
  return groups.length > 0;
}

function keyOf({ vertical, folded, unfolded }: Look): string {
  return JSON.stringify([vertical, folded, [...unfolded].sort()]);
}
