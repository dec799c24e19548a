/**
 * Throttle at a rate that people can see: of the events of one thinned topic within an interval, only the newest is passed on.
 */

import { THINNED } from '../wire';

/** Event of the dispatcher, as the bridge passes it on. */
export interface Event {
  topic: string;
  sequence: number;
  value: unknown;
}

/** Maximum views per second; the dispatcher publishes no faster. */
export const FASTEST = 20;

export class ViewThrottle {
  private between = 0;
  private readonly newest = new Map<string, Event>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly pass: (event: Event) => void) {}

  /** Updates per second, 1 to 20. */
  set rate(rate: number) {
    this.between = rate >= FASTEST ? 0 : 1000 / Math.max(1, rate);
  }

  put(event: Event): void {
    if (!this.between || !THINNED.some(prefix => event.topic.startsWith(prefix))) {
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
