/** Asks again for what changed: once for many changes, not more often than a person can read, and only for what is looked at. */

/** At most so often, in ms. */
const PAUSE = 250;

export class Refresher<Part extends string> {
  private readonly stale = new Set<Part>();
  private readonly wanted = new Map<Part, number>();
  /** Parts that are about to be asked for, or being asked for. */
  private readonly under = new Map<Part, ReturnType<typeof setTimeout>>();

  /** `ask` gets one part anew; what it throws is for `failed`. */
  constructor(private readonly ask: (part: Part) => Promise<void>, private readonly failed: (error: Error) => void) {}

  /** Something of these parts changed. */
  touch(...parts: Part[]): void {
    for (const part of parts) {
      this.stale.add(part);
      this.plan(part, PAUSE);
    }
  }

  /** Somebody looks at this part; returns how to look away. */
  want(part: Part): () => void {
    this.wanted.set(part, (this.wanted.get(part) ?? 0) + 1);
    this.plan(part, 0);
    let ended = false;
    return () => {
      const left = (this.wanted.get(part) ?? 1) - (ended ? 0 : 1);
      ended = true;
      left ? this.wanted.set(part, left) : this.wanted.delete(part);
    };
  }

  dispose(): void {
    this.under.forEach(timer => clearTimeout(timer));
    this.wanted.clear();
  }

  private plan(part: Part, pause: number): void {
    if (this.stale.has(part) && this.wanted.has(part) && !this.under.has(part)) {
      this.under.set(part, setTimeout(() => void this.run(part), pause));
    }
  }

  private async run(part: Part): Promise<void> {
    this.stale.delete(part);
    try {
      await this.ask(part);
    } catch (error) {
      this.failed(error as Error);
    }
    this.under.delete(part);
    this.plan(part, PAUSE);
  }
}
