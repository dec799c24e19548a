/** Throttle for drawing: at most twenty times a second, in step with the screen, and only while the view is visible. */

/** Minimum milliseconds between two drawings. */
const GAP = 50;
/**
 * Milliseconds between two frames of a screen, about: the throttle aims at the frame in which the pause ends, not the next one.
 */
const FRAME = 16;

export class DrawThrottle {
  private wanted = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private frame = 0;
  private last = -Infinity;
  private visible = true;
  private readonly watcher: IntersectionObserver;
  private readonly onVisibility = () => this.schedule();

  constructor(
    node: Element,
    private readonly draw: () => void
  ) {
    this.watcher = new IntersectionObserver(entries => {
      this.visible = entries[entries.length - 1].isIntersecting;
      this.schedule();
    });
    this.watcher.observe(node);
    document.addEventListener('visibilitychange', this.onVisibility);
  }

  /** Request a drawing after a change. */
  request(): void {
    this.wanted = true;
    this.schedule();
  }

  dispose(): void {
    this.wanted = false;
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    this.watcher.disconnect();
    document.removeEventListener('visibilitychange', this.onVisibility);
  }

  private schedule(): void {
    if (!this.wanted || !this.visible || document.hidden || this.timer !== undefined || this.frame) {
      return;
    }
    const wait = this.last + GAP - FRAME - performance.now();
    if (wait > 0) {
      this.timer = setTimeout(() => {
        this.timer = undefined;
        this.schedule();
      }, wait);
    } else {
      this.frame = requestAnimationFrame(now => this.drawFrame(now));
    }
  }

  private drawFrame(now: number): void {
    if (now - this.last < GAP - 0.5) {
      this.frame = requestAnimationFrame(later => this.drawFrame(later));
      return;
    }
    this.frame = 0;
    this.wanted = false;
    this.last = now;
    this.draw();
  }
}
