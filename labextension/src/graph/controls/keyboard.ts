/** Keyboard control of the graph, and its three buttons. */

import { PICTURE_KEYS, press, type PictureKey } from './keymap';
import type { Box } from '../geometry';
import { element } from '../pictures/svg';

interface KeyTarget {
  readonly current: { shape: { id: string }; box: Box } | undefined;
  readonly all: Iterable<{ shape: { id: string }; box: Box }>;
  zoom(factor: number): void;
  fit(): void;
  fold(): void;
  focus(id: string): void;
  choose(node: string | null): void;
  act(what: 'open' | 'in' | 'out'): void;
}

/** Run the action of a key in the picture. */
export function handleKey(event: KeyboardEvent, view: KeyTarget): void {
  press<PictureKey>(event, PICTURE_KEYS, {
    right: () => move(view, 1, 0),
    left: () => move(view, -1, 0),
    down: () => move(view, 0, 1),
    up: () => move(view, 0, -1),
    open: () => view.act('open'),
    in: () => view.act('in'),
    out: () => view.act('out'),
    nearer: () => view.zoom(1.25),
    farther: () => view.zoom(0.8),
    fit: () => view.fit(),
    fold: () => view.fold(),
    leave: () => view.choose(null)
  });
}

/** Select the nearest node in a direction; the first node if none is selected. */
function move(view: KeyTarget, dx: number, dy: number): void {
  const from = view.current;
  let best: string | null = null;
  let least = Infinity;
  for (const { shape, box } of view.all) {
    const far = from ? distance(from.box, box, dx, dy) : box.x + box.y;
    if (shape.id !== from?.shape.id && far < least) {
      [best, least] = [shape.id, far];
    }
  }
  if (best !== null) {
    view.focus(best);
  }
}

function distance(a: Box, b: Box, dx: number, dy: number): number {
  const x = b.x + b.width / 2 - a.x - a.width / 2;
  const y = b.y + b.height / 2 - a.y - a.height / 2;
  const ahead = x * dx + y * dy;
  return ahead > 1 ? ahead + 2.5 * Math.abs(x * dy + y * dx) : Infinity;
}

const PATHS = { in: 'M8 3v10M3 8h10', out: 'M3 8h10', fit: 'M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3' };
const WORDS = { in: 'Zoom in (+)', out: 'Zoom out (-)', fit: 'Show all (f)' };

/** Make the three buttons at the corner of the picture. */
export function zoomButtons(actions: Record<keyof typeof PATHS, () => void>): HTMLElement {
  const made = document.createElement('div');
  made.className = 'floe-zoom';
  for (const name of ['in', 'out', 'fit'] as const) {
    const button = document.createElement('button');
    button.title = WORDS[name];
    button.setAttribute('aria-label', WORDS[name]);
    button.dataset.zoom = name;
    button.append(element('svg', { viewBox: '0 0 16 16', 'aria-hidden': 'true' }, element('path', { d: PATHS[name] })));
    button.addEventListener('click', actions[name]);
    made.append(button);
  }
  return made;
}
