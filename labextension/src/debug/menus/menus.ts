/** Menus of the view: on nodes, wires, values and the picture, by right click and by keyboard. */

import type { Point } from '../../graph/geometry';
import { menuIsOpen, openMenu, type Item } from '../../graph/controls/menu';
import type { ShapeWire, Side } from '../../graph/model';
import { toJson, valueAt } from '../values/clipboard';

type Entry = Item | null | false | undefined | '';

/** Actions of the menus, and the state that the menus need. */
export interface MenuActions {
  wire(name: string): ShapeWire | undefined;
  /** Return true if a breakpoint is set at a port; an empty port means any port of the side. */
  hasBreakpoint(node: string, side: Side, port?: string): boolean;
  /** Return the first message held at a node. */
  held(node: string): { value: unknown } | undefined;
  /** Return a function that copies the last value of a wire, or the last value that a node gave; undefined if none exists. */
  last(of: { node: string; wire?: string }): (() => void) | undefined;
  tabs(): boolean;
  look(node: string): void;
  code(node: string): void;
  /** Return the fold action of a node, if foldable. */
  fold(node: string): { folded: boolean; act(): void } | undefined;
  toggle(node: string, side: Side, port: string): void;
  tab(node?: string): void;
  copy(text: string): void;
  file(kind: 'svg' | 'png'): void;
  /** Parts of the view itself, as named by its keys. */
  view: Record<'find' | 'fit' | 'inspector' | 'maximise' | 'keys', () => void>;
}

const EDITED = 'input:not([type=checkbox], [type=range]), textarea, select';

export class Menus {
  constructor(
    private readonly host: HTMLElement,
    private readonly actions: MenuActions
  ) {
    host.addEventListener('contextmenu', e => this.onContextMenu(e));
  }

  /** Open the menu of the focused element, or of the selected node, for the keyboard. */
  open(): void {
    if (menuIsOpen()) {
      return;
    }
    const active = document.activeElement as HTMLElement | null;
    const at = active && this.host.contains(active) ? active : this.host;
    const node =
      at.closest('.floe-graph > svg') && !at.closest('[data-node]') ? (at.querySelector('[data-node].selected') ?? at) : at;
    const box = node.getBoundingClientRect();
    this.show(node, { x: box.left + Math.min(24, box.width / 2), y: Math.min(box.bottom, innerHeight) });
  }

  private onContextMenu(event: MouseEvent): void {
    const target = event.target as Element;
    if (event.shiftKey) {
      return; // the browser's own menu, which JupyterLab leaves alone, too
    }
    event.stopPropagation();
    if (target.closest(EDITED) || hasSelection(target)) {
      return; // the browser's own menu is of more use on fields and marked text
    }
    event.preventDefault();
    if (event.button === 2) {
      this.show(target, { x: event.clientX, y: event.clientY });
    } else {
      this.open(); // by a key of the system
    }
  }

  private show(target: Element, at: Point): void {
    const [label, entries] = this.entries(target);
    const active = document.activeElement as HTMLElement | null;
    openMenu(this.host, label, withoutGaps(entries), at, () => {
      if (active?.isConnected) {
        active.focus({ preventScroll: true });
      }
    });
  }

  private entries(target: Element): [string, Entry[]] {
    const node = target.closest('[data-node]')?.getAttribute('data-node');
    const wire = this.actions.wire(target.closest('[data-edge]')?.getAttribute('data-edge') ?? '');
    const value = target.closest('.floe-inspector') ? valueAt(target) : undefined;
    if (node) {
      return [`Node ${node}`, this.node(node)];
    }
    if (wire) {
      return [`Wire ${wire.name}`, this.wire(wire)];
    }
    return value ? ['Value', this.value(value.value)] : ['View', this.view()];
  }

  private node(node: string): Entry[] {
    const { actions } = this;
    const [held, last, fold] = [actions.held(node), actions.last({ node }), actions.fold(node)];
    if (fold?.folded) {
      return [
        item('unfold', 'Unfold', fold.act, 'Enter'),
        item('copy-name', 'Copy name', () => actions.copy(node)),
        null,
        ...this.files()
      ];
    }
    return [
      item('open', 'Look into the node', () => actions.look(node), 'Enter'),
      item('code', 'Show code', () => actions.code(node)),
      fold && item('fold', 'Fold with its neighbours', fold.act),
      null,
      this.breaks(node, 'in', '', 'in front', 'b'),
      this.breaks(node, 'out', '', 'behind', 'B'),
      null,
      held && item('copy-held', 'Copy held value', () => actions.copy(toJson(held.value))),
      last && item('copy-last', 'Copy last value', last),
      item('copy-name', 'Copy name', () => actions.copy(node)),
      null,
      actions.tabs() && item('tab', 'Open in a tab', () => actions.tab(node)),
      ...this.files()
    ];
  }

  private wire({ name, source, target, sourcePort, targetPort }: ShapeWire): Entry[] {
    const { actions } = this;
    const last = actions.last({ node: source, wire: name });
    return [
      last && item('copy-last', 'Copy last value', last),
      null,
      this.breaks(source, 'out', sourcePort, `behind ${source}`),
      this.breaks(target, 'in', targetPort, `in front of ${target}`),
      null,
      item('open-source', `Look into ${source}`, () => actions.look(source)),
      item('open-target', `Look into ${target}`, () => actions.look(target)),
      null,
      ...this.files()
    ];
  }

  private value(value: unknown): Entry[] {
    const { actions } = this;
    return [
      item('copy-value', 'Copy value', () => actions.copy(toJson(value))),
      typeof value === 'string' && item('copy-text', 'Copy text', () => actions.copy(value))
    ];
  }

  private view(): Entry[] {
    const { view, tabs, tab } = this.actions;
    return [
      item('find', 'Find a node', view.find, '/'),
      item('fit', 'Show the whole flow', view.fit, 'f'),
      null,
      item('inspector', 'Show or hide the inspector', view.inspector, 'i'),
      item('maximise', 'Maximise or restore', view.maximise, 'm'),
      tabs() && item('tab', 'Open in a tab', () => tab()),
      null,
      ...this.files(),
      null,
      item('keys', 'Keys', view.keys, '?')
    ];
  }

  private breaks(node: string, side: Side, port: string, where: string, key = ''): Item {
    const on = this.actions.hasBreakpoint(node, side, port);
    return item(
      `break-${side}`,
      on ? `Remove breakpoint ${where}` : `Break ${where}`,
      () => this.actions.toggle(node, side, port),
      key
    );
  }

  private files(): Item[] {
    return [
      item('export-svg', 'Export picture as SVG', () => this.actions.file('svg')),
      item('export-png', 'Export picture as PNG', () => this.actions.file('png'))
    ];
  }
}

function item(cmd: string, label: string, act: () => void, key = ''): Item {
  return { cmd, label, act, key };
}

/** Drop entries that are not offered, and separators without items between. */
function withoutGaps(entries: Entry[]): Array<Item | null> {
  const there = entries.filter((e): e is Item | null => e === null || Boolean(e));
  return there.filter((e, i) => e !== null || (i > 0 && i < there.length - 1 && there[i - 1] !== null));
}

/** Return true if text is marked here, to be copied. */
function hasSelection(target: Element): boolean {
  const selection = getSelection();
  return Boolean(selection && !selection.isCollapsed && selection.containsNode(target, true));
}
