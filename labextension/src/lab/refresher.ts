/** Repeated requests for changed parts: once for many changes, no faster than a person can read, and only for visible parts. */

/** Milliseconds between two requests for a part, at least. */
const PAUSE = 250;

export class Refresher<Part extends string> {
  private readonly stale = new Set<Part>();
  private readonly wanted = new Map<Part, number>();
  /** Parts whose request is scheduled or under way. */
  private readonly under = new Map<Part, ReturnType<typeof setTimeout>>();

  /** `ask` fetches a part again; `failed` gets the errors thrown by `ask`. */
  constructor(private readonly ask: (part: Part) => Promise<void>, private readonly failed: (error: Error) => void) {}

  /** Mark parts as changed. */
  touch(...parts: Part[]): void {
    for (const part of parts) {
      this.stale.add(part);
      this.plan(part, PAUSE);
    }
  }

  /** Keep a part current while shown; returns a function to stop. */
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
