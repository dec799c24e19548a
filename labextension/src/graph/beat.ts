/** Throttle for drawing: at most twenty times a second, in step with the screen, and only while the view is visible. */

/** Minimum milliseconds between two drawings. */
const GAP = 50;
/**
 * Milliseconds between two frames of a screen, about: the throttle aims at the frame in which the pause ends, not the next one.
 */
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

  /** Request a drawing after a change. */
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
