/** When to draw: at most twenty times a second, in step with the screen, and not while nobody can see it. */

/** The shortest time between two drawings, in ms. */
const GAP = 50;
/** Screens show a picture about so often, in ms: it is waited for the frame at which the time is over, not the one behind. */
const FRAME = 16;

export class Beat {
  private wanted = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private frame = 0;
  private last = -Infinity;
  private seen = true;
  private readonly watcher: IntersectionObserver;
  private readonly page = () => this.go();

  constructor(node: Element, private readonly draw: () => void) {
    this.watcher = new IntersectionObserver(entries => {
      this.seen = entries[entries.length - 1].isIntersecting;
      this.go();
    });
    this.watcher.observe(node);
    document.addEventListener('visibilitychange', this.page);
  }

  /** Something changed. */
  ask(): void {
    this.wanted = true;
    this.go();
  }

  dispose(): void {
    this.wanted = false;
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    this.watcher.disconnect();
    document.removeEventListener('visibilitychange', this.page);
  }

  private go(): void {
    if (!this.wanted || !this.seen || document.hidden || this.timer !== undefined || this.frame) {
      return;
    }
    const wait = this.last + GAP - FRAME - performance.now();
    if (wait > 0) {
      this.timer = setTimeout(() => { this.timer = undefined; this.go(); }, wait);
    } else {
      this.frame = requestAnimationFrame(now => this.beat(now));
    }
  }

  private beat(now: number): void {
    if (now - this.last < GAP - 0.5) {
      this.frame = requestAnimationFrame(later => this.beat(later));
      return;
    }
    this.frame = 0;
    this.wanted = false;
    this.last = now;
    this.draw();
  }
}
