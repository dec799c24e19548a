/** Menu at a position of the page, for pointer and keyboard. */

import type { Point } from '../geometry';

/** Item of a menu. */
export interface Item {
  /** Name of the item in tests and styles. */
  cmd: string;
  label: string;
  /** Key with the same action. */
  key?: string;
  act(): void;
}

const EDGE = 4;
let open: (() => void) | null = null;

/** Return true if a menu is open. */
export function menuIsOpen(): boolean {
  return open !== null;
}

/** Open a menu; null between items is a separator. `back`: returns the focus afterwards. */
export function openMenu(host: HTMLElement, label: string, items: Array<Item | null>, at: Point, back: () => void): void {
  open?.();
  const menu = document.createElement('div');
  menu.className = 'floe-menu floe-popup';
  menu.setAttribute('role', 'menu');
  menu.setAttribute('aria-label', label);
  const over = new AbortController();
  const { signal } = over;
  const close = (open = () => {
    open = open === close ? null : open;
    over.abort();
    menu.remove();
  });
  const leave = () => {
    close();
    back();
  };
  const buttons = items.flatMap(item => {
    const made = item
      ? entry(item, () => {
          leave();
          item.act();
        })
      : line();
    menu.append(made);
    return item ? [made as HTMLButtonElement] : [];
  });
  menu.addEventListener('keydown', e => {
    handleKey(e, buttons, leave);
  });
  menu.addEventListener('contextmenu', e => {
    e.preventDefault();
    e.stopPropagation();
  });
  document.addEventListener(
    'pointerdown',
    e => {
      if (!menu.contains(e.target as Node)) {
        close();
      }
    },
    { signal, capture: true }
  );
  window.addEventListener('blur', close, { signal });
  window.addEventListener('resize', close, { signal });
  document.addEventListener(
    'wheel',
    e => {
      if (!menu.contains(e.target as Node)) {
        close();
      }
    },
    { signal, capture: true, passive: true }
  );
  host.append(menu);
  if (menu.showPopover) {
    menu.popover = 'manual'; // above all elements, whichever container holds the view
    menu.showPopover();
  }
  place(menu, at);
  buttons[0]?.focus({ preventScroll: true });
}

function entry({ cmd, label, key }: Item, click: () => void): HTMLElement {
  const made = document.createElement('button');
  made.setAttribute('role', 'menuitem');
  made.tabIndex = -1;
  made.dataset.item = cmd;
  made.append(label);
  if (key) {
    const hint = document.createElement('kbd');
    hint.textContent = key;
    hint.setAttribute('aria-hidden', 'true');
    made.append(hint);
    made.setAttribute('aria-keyshortcuts', key);
  }
  made.addEventListener('click', click);
  made.addEventListener('pointerenter', () => made.focus({ preventScroll: true }));
  return made;
}

function line(): HTMLElement {
  const made = document.createElement('div');
  made.setAttribute('role', 'separator');
  return made;
}

/** Put the menu at a point, within the window. */
function place(menu: HTMLElement, { x, y }: Point): void {
  const { offsetWidth, offsetHeight } = menu;
  menu.style.left = `${Math.max(EDGE, Math.min(x, innerWidth - offsetWidth - EDGE))}px`;
  menu.style.top = `${Math.max(EDGE, y + offsetHeight > innerHeight - EDGE ? Math.min(y, innerHeight) - offsetHeight : y)}px`;
}

function handleKey(event: KeyboardEvent, buttons: HTMLButtonElement[], leave: () => void): void {
  const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
  const { length } = buttons;
  const goal = { ArrowDown: at + 1, ArrowUp: at < 0 ? length - 1 : at - 1, Home: 0, End: length - 1 }[event.key];
  event.stopPropagation(); // all keys belong to the open menu
  if (goal !== undefined) {
    buttons[(goal + length) % length].focus({ preventScroll: true });
    event.preventDefault();
  } else if (event.key === 'Escape' || event.key === 'Tab') {
    leave();
    event.preventDefault();
  } else if (event.key.length === 1 && event.key !== ' ' && !event.ctrlKey && !event.metaKey) {
    const begins = (b: HTMLButtonElement) => b.textContent!.toLowerCase().startsWith(event.key.toLowerCase());
    [...buttons.slice(at + 1), ...buttons].find(begins)?.focus({ preventScroll: true });
  }
}
