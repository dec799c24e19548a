/** The buttons, with the words and keys of JupyterLab's debugger. */

import { h } from './dom';

export interface Actions {
  resume(): void;
  pause(): void;
  step(): void;
  back(): void;
  stop(): void;
}

export interface Phase { paused: boolean; over: boolean; recorded: number }

/** 16 x 16 outlines in the manner of the debugger's icons. */
const ICONS = {
  resume: 'M4 3l9 5-9 5z',
  pause: 'M4 3h3v10H4zM9 3h3v10H9z',
  step: 'M8 12.5a1.8 1.8 0 1 0 0 .1zM2 7a6 6 0 0 1 10.5-3.2V2H14v4.5H9.5V5h2A4.6 4.6 0 0 0 3.4 7z',
  back: 'M8 12.5a1.8 1.8 0 1 0 0 .1zM14 7A6 6 0 0 0 3.500 3.8V2H2v4.500h4.500V5h-2A4.600 4.600 0 0 1 12.600 7z',
  stop: 'M3 3h10v10H3z'
};

function icon(name: keyof typeof ICONS): SVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
}

export class Toolbar {
  readonly node = h('div', { class: 'floe-toolbar', role: 'toolbar', 'aria-label': 'Flow' });
  private readonly buttons: Record<keyof Actions, HTMLButtonElement>;
  private readonly text = h('span', { class: 'floe-phase', role: 'status' });

  constructor(actions: Actions) {
    const button = (name: keyof Actions, label: string, key: string) => {
      const made = h('button', { 'data-cmd': name, title: key ? `${label} (${key})` : label, 'aria-label': label, click: () => actions[name]() });
      made.append(icon(name));
      return made;
    };
    this.buttons = {
      resume: button('resume', 'Continue', 'F9'), pause: button('pause', 'Pause', 'F9'), stop: button('stop', 'Terminate', 'Shift F9'),
      step: button('step', 'Next', 'F10'), back: button('back', 'Step back', '')
    };
    this.node.append(...Object.values(this.buttons), this.text);
    this.show({ paused: false, over: true, recorded: 0 }, '');
  }

  show({ paused, over, recorded }: Phase, text: string): void {
    this.buttons.resume.hidden = !paused;
    this.buttons.pause.hidden = paused;
    this.buttons.resume.disabled = this.buttons.pause.disabled = this.buttons.stop.disabled = this.buttons.step.disabled = over;
    this.buttons.back.disabled = over || recorded === 0;
    if (this.text.textContent !== text) {
      this.text.textContent = text;
    }
  }
}

/** F9 continues or pauses, F10 steps, Shift F9 stops: the debugger's keys. */
export function keys(host: HTMLElement, actions: Actions, phase: () => Phase): () => void {
  const listen = (event: KeyboardEvent) => {
    const { paused, over } = phase();
    const action = { F9: event.shiftKey ? actions.stop : paused ? actions.resume : actions.pause, F10: actions.step }[event.key];
    if (action && !over) {
      action();
      event.preventDefault();
      event.stopPropagation();
    }
  };
  host.addEventListener('keydown', listen);
  return () => host.removeEventListener('keydown', listen);
}
