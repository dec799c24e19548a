/** Undo of a person's changes, newest first: breakpoints, edited values, dropped messages. */

import type { Notices } from './toolbar/notices';

/** Maximum number of changes kept. */
const MOST = 50;

interface Change {
  text: string;
  back(): Promise<unknown>;
}

export class Undo {
  private readonly changes: Change[] = [];

  /** `failed` is given the change that could not be undone, and the reason. */
  constructor(
    private readonly notices: Notices,
    private readonly failed: (why: string) => void
  ) {}

  /** Announce a change, with its undo if one exists. */
  record(text: string, back: (() => Promise<unknown>) | null): void {
    if (back) {
      this.changes.push({ text, back });
      this.changes.splice(0, this.changes.length - MOST);
    }
    this.notices.announce({ text, links: back ? [{ label: 'Undo', cmd: 'undo', act: () => this.undoNewest() }] : [] });
  }

  /** Undo the newest change. Returns false if no change is left, or while text is being typed, which has an undo of its own. */
  undoLast(): boolean {
    return !document.activeElement?.matches('textarea, input:not([type=checkbox], [type=range])') && this.undoNewest();
  }

  private undoNewest(): boolean {
    const change = this.changes.pop();
    if (change) {
      change.back().then(
        () => this.notices.announce({ text: `Undone: ${change.text}`, links: [] }),
        (error: Error) => this.failed(`Not undone (${change.text}): ${error.message}`)
      );
    }
    return Boolean(change);
  }
}
