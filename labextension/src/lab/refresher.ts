/** Repeated requests for changed parts: once for many changes, no faster than a person can read, and only for visible parts. */

/** Milliseconds between two requests for a part, at least. */
const PAUSE = 250;

export class Refresher<Part extends string> {
  private readonly stale = new Set<Part>();
  private readonly users = new Map<Part, number>();
  /** Parts whose request is scheduled or under way. */
  private readonly scheduled = new Map<Part, ReturnType<typeof setTimeout>>();

  /** `ask` fetches a part again; `failed` gets the errors thrown by `ask`. */
  constructor(
    private readonly ask: (part: Part) => Promise<void>,
    private readonly failed: (error: Error) => void
  ) {}

  /** Mark parts as changed. */
  markStale(...parts: Part[]): void {
    for (const part of parts) {
      this.stale.add(part);
      this.schedule(part, PAUSE);
    }
  }

  /** Keep a part current while shown; returns a function to stop. */
  keepCurrent(part: Part): () => void {
    this.users.set(part, (this.users.get(part) ?? 0) + 1);
    this.schedule(part, 0);
    let ended = false;
    return () => {
      const left = (this.users.get(part) ?? 1) - (ended ? 0 : 1);
      ended = true;
      left ? this.users.set(part, left) : this.users.delete(part);
    };
  }

  dispose(): void {
    this.scheduled.forEach(timer => clearTimeout(timer));
    this.users.clear();
  }

  private schedule(part: Part, pause: number): void {
    if (this.stale.has(part) && this.users.has(part) && !this.scheduled.has(part)) {
      this.scheduled.set(
        part,
        setTimeout(() => void this.run(part), pause)
      );
    }
  }

  private async run(part: Part): Promise<void> {
    this.stale.delete(part);
    try {
      await this.ask(part);
    } catch (error) {
      this.failed(error as Error);
    }
    this.scheduled.delete(part);
    this.schedule(part, PAUSE);
  }
}
