/** Buttons with the words, icons and keys of JupyterLab's debugger. */

import { element } from '../../graph/pictures/svg';
import { h } from '../../page/dom';

/** Actions of the toolbar's buttons. */
export interface RunControls {
  resume(): void;
  pause(): void;
  step(): void;
  back(): void;
  stop(): void;
}

/** State of the run that decides which buttons are enabled; `recorded` is the number of recorded steps. */
export interface Phase {
  paused: boolean;
  over: boolean;
  recorded: number;
  live: boolean;
}

/** Outlines of 16 x 16 in the manner of the debugger's icons. */
const ICONS = {
  resume: 'M4 3l9 5-9 5z',
  pause: 'M4 3h3v10H4zM9 3h3v10H9z',
  step: 'M8 10.200a1.900 1.900 0 1 0 0 3.800 1.900 1.900 0 0 0 0-3.800zM2 8.500a6 6 0 0 1 10.500-4V2.500H14V7.500H9V6h2.500A4.600 4.600 0 0 0 3.500 8.500z',
  back: 'M8 10.200a1.900 1.900 0 1 0 0 3.800 1.900 1.900 0 0 0 0-3.800zM14 8.500a6 6 0 0 0-10.500-4V2.500H2V7.500H7V6H4.500A4.600 4.600 0 0 1 12.500 8.500z',
  stop: 'M3 3h10v10H3z'
};

const WORDS: Array<[keyof RunControls, string, string, string]> = [
  ['resume', 'Continue', 'F9', ''],
  ['pause', 'Pause', 'F9', ''],
  ['stop', 'Terminate', 'Shift F9', ''],
  ['step', 'Next', 'F10', 'each node that has a message takes one'],
  ['back', 'Step Back', '', 'undo the last step']
];

export class Toolbar {
  readonly node = h('div', { class: 'floe-toolbar', role: 'toolbar', 'aria-label': 'Flow' });
  private readonly buttons: Record<keyof RunControls, HTMLButtonElement>;
  private readonly text = h('span', { class: 'floe-phase', role: 'status' });
  private shown = '';

  constructor(controls: RunControls) {
    const made = WORDS.map(([name, label, key, more]) => [name, button(name, label, key, more, () => controls[name]())] as const);
    this.buttons = Object.fromEntries(made) as Record<keyof RunControls, HTMLButtonElement>;
    this.node.append(...made.map(([, b]) => b), this.text);
    this.show({ paused: false, over: true, recorded: 0, live: false }, '', '');
  }

  show({ paused, over, recorded, live }: Phase, status: string, text: string): void {
    const state = JSON.stringify([paused, over, recorded > 0, live, status, text]);
    if (state === this.shown) {
      return;
    }
    this.shown = state;
    const { resume, pause, stop, step, back } = this.buttons;
    resume.hidden = !paused;
    pause.hidden = paused;
    resume.disabled = pause.disabled = stop.disabled = step.disabled = over || !live;
    back.disabled = over || !live || recorded === 0;
    this.text.textContent = this.text.title = text;
    this.text.dataset.status = status;
  }
}

function button(name: keyof RunControls, label: string, key: string, more: string, click: () => void): HTMLButtonElement {
  const title = `${label}${more && `: ${more}`}${key && ` (${key})`}`;
  const made = h('button', {
    'data-cmd': name,
    title,
    'aria-label': label,
    click,
    ...(key ? { 'aria-keyshortcuts': key.replace(' ', '+') } : {})
  });
  made.append(element('svg', { viewBox: '0 0 16 16', 'aria-hidden': 'true' }, element('path', { d: ICONS[name] })));
  return made;
}

/**
 * Return the actions of the debugger's keys. The keys are never passed on, since JupyterLab's commands would apply them to
 * another run; without a run to drive, `report` gets the reason.
 */
export function keyActions(
  controls: RunControls,
  phase: () => Phase,
  report: (why: string) => void
): Record<'go' | 'step' | 'stop', () => void> {
  const unlessOver = (key: string, act: (phase: Phase) => void) => () => {
    const now = phase();
    if (now.over || !now.live) {
      report(`${now.over ? 'No run is active here' : 'This view is not live'}: the key ${key} acts on this flow only.`);
    } else {
      act(now);
    }
  };
  return {
    go: unlessOver('F9', ({ paused }) => (paused ? controls.resume() : controls.pause())),
    step: unlessOver('F10', () => controls.step()),
    stop: unlessOver('Shift F9', () => controls.stop())
  };
}
