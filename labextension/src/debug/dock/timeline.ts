/** Recorded steps in a row: walk back and forth to look, go back to a step, or start again from a step. */

import type { Record as Step } from '../../wire';
import { h } from '../../page/dom';

/** Actions of the timeline's buttons. */
export interface TimelineActions {
  /** Look at a step; null: at the present state. */
  look(step: Step | null): void;
  /** Undo steps until this one is the newest. */
  backTo(step: Step): Promise<void>;
  fork(step: Step): Promise<void>;
}

const UNDO = 'Undo the steps after this one';

export class Timeline {
  private readonly slider = h('input', {
    type: 'range',
    min: 0,
    step: 1,
    'data-field': 'step',
    'aria-label': 'Recorded steps',
    input: () => this.go(Number(this.slider.value))
  });
  private readonly words = h('span', { class: 'floe-words', role: 'status' });
  private readonly back = this.button('walk-back', '◀', 'Previous step', () => this.go(this.at - 1));
  private readonly forward = this.button('walk-forth', '▶', 'Next step', () => this.go(this.at + 1));
  private readonly goBack = this.button('back-to', 'Go back to here', UNDO, () => this.withStep(s => this.actions.backTo(s)));
  private readonly forkHere = this.button('fork-step', 'Fork from here', 'Start a separate run with this message', () =>
    this.withStep(s => this.actions.fork(s))
  );
  private readonly present = this.button('look-now', 'Now', 'Back to the present state', () => this.go(this.steps.length));
  readonly node = h(
    'div',
    { class: 'floe-timeline' },
    h('div', { class: 'floe-walk' }, this.back, this.slider, this.forward),
    this.words,
    h('div', { class: 'floe-buttons' }, this.goBack, this.forkHere, this.present)
  );
  private steps: Step[] = [];
  private live = false;
  private over = false;
  /** Index of the step being looked at; the number of steps for the present state. */
  private at = 0;

  constructor(private readonly actions: TimelineActions) {
    this.draw();
  }

  /** `over`: true for a run that is over, in which no step can be undone. */
  show(steps: Step[], live: boolean, over: boolean): void {
    if (steps === this.steps && live === this.live && over === this.over) {
      return;
    }
    this.over = over;
    const looked = this.steps[this.at];
    const there = looked ? steps.findIndex(s => s.seq === looked.seq) : -1;
    this.steps = steps;
    this.live = live;
    if (looked && there < 0) {
      this.actions.look(null);
    }
    this.at = there < 0 ? steps.length : there;
    this.draw();
  }

  private go(to: number): void {
    this.at = Math.max(0, Math.min(this.steps.length, to));
    this.actions.look(this.steps[this.at] ?? null);
    this.draw();
  }

  private draw(): void {
    const step = this.steps[this.at];
    this.slider.max = String(this.steps.length);
    this.slider.value = String(this.at);
    this.slider.disabled = !this.steps.length;
    this.back.disabled = this.at === 0;
    this.forward.disabled = this.present.disabled = !step;
    this.forkHere.disabled = !step || !this.live;
    this.goBack.disabled = this.forkHere.disabled || this.over;
    this.goBack.title = this.over ? 'The run is over: no step of it can be undone. Fork from here instead.' : UNDO;
    this.words.textContent = step
      ? `${this.at + 1} of ${this.steps.length}: ${stepText(step)}`
      : this.steps.length
        ? `now, after ${this.steps.length} recorded steps`
        : 'No steps are recorded. Steps are recorded while a breakpoint is set, or with --debug.';
  }

  private withStep(work: (step: Step) => Promise<void>): void {
    const step = this.steps[this.at];
    if (step) {
      void work(step);
    }
  }

  private button(cmd: string, text: string, title: string, click: () => void): HTMLButtonElement {
    return h('button', { 'data-cmd': cmd, title, 'aria-label': title, click }, text);
  }
}

/** Return a step in a few words. */
export function stepText(step: Step): string {
  const given = step.outputs.length === 1 ? '1 message' : `${step.outputs.length} messages`;
  return `${step.node} ${step.failure ? `failed: ${step.failure.message.slice(0, 80)}` : `gave ${given}`}`;
}
