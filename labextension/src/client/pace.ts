/** No view is shown more often than a person can see: of the events of one view, the newest wins. */

export interface Event { topic: string; sequence: number; value: unknown }

/** The dispatcher publishes no view more often. */
export const FASTEST = 20;
/** Snapshots: each says everything that the one before it said. */
const LOSSY = 'view/';

export class Pace {
  private between = 0;
  private readonly newest = new Map<string, Event>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly pass: (event: Event) => void) {}

  /** Updates a second, 1 to 20. */
  set rate(rate: number) {
    this.between = rate >= FASTEST ? 0 : 1000 / Math.max(1, rate);
  }

  put(event: Event): void {
    if (!this.between || !event.topic.startsWith(LOSSY)) {
      this.pass(event);
      return;
    }
    this.newest.set(event.topic, event);
    this.timer ??= setTimeout(() => this.flush(), this.between);
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.newest.clear();
  }

  private flush(): void {
    this.timer = undefined;
    const events = [...this.newest.values()];
    this.newest.clear();
    events.forEach(this.pass);
  }
}
