/** Keys of the view, each defined once: the key, its action, and its description in the list of keys. */

/** Keys of one action, and the action's description. */
export interface Key<Name extends string = string> {
  name: Name;
  /** Keys as written by `pressed`, in the order of the list of keys. */
  keys: string[];
  words: string;
}

/** Keys of the picture, active while the focus is in the picture. */
export const PICTURE_KEYS = [
  { name: 'right', keys: ['ArrowRight'], words: 'Select the next node to the right' },
  { name: 'left', keys: ['ArrowLeft'], words: 'Select the next node to the left' },
  { name: 'down', keys: ['ArrowDown'], words: 'Select the next node below' },
  { name: 'up', keys: ['ArrowUp'], words: 'Select the next node above' },
  { name: 'open', keys: ['Enter', ' '], words: 'Look into the selected node' },
  { name: 'in', keys: ['b'], words: 'Set or remove a breakpoint in front of the selected node' },
  { name: 'out', keys: ['B'], words: 'Set or remove a breakpoint behind the selected node' },
  { name: 'nearer', keys: ['+', '='], words: 'Zoom in' },
  { name: 'farther', keys: ['-'], words: 'Zoom out' },
  { name: 'fit', keys: ['f', '0'], words: 'Show the whole flow' },
  { name: 'fold', keys: ['g'], words: 'Fold or unfold all groups of a large flow' },
  { name: 'leave', keys: ['Escape'], words: 'Clear the selection' }
] as const satisfies readonly Key[];

/**
 * Keys of the whole view, active while the focus is anywhere in the view; letters and signs only while no text is being typed.
 */
export const VIEW_KEYS = [
  { name: 'go', keys: ['F9'], words: 'Continue, or pause' },
  { name: 'step', keys: ['F10'], words: 'Next: each node that has a message takes one' },
  { name: 'stop', keys: ['Shift+F9'], words: 'Terminate' },
  { name: 'undo', keys: ['Ctrl+z'], words: 'Undo the last change of a breakpoint or a message' },
  { name: 'find', keys: ['/', 'Ctrl+f'], words: 'Find a node by its name' },
  { name: 'menu', keys: ['Shift+F10', 'ContextMenu'], words: 'Open the menu of the node or value that has the focus' },
  { name: 'maximise', keys: ['m'], words: 'Maximise the view, or restore it' },
  { name: 'restore', keys: ['Escape'], words: 'Restore the maximised view' },
  { name: 'inspector', keys: ['i'], words: 'Show or hide the inspector' },
  { name: 'keys', keys: ['?'], words: 'Show or hide this list' }
] as const satisfies readonly Key[];

/** Keys of the search, active while the focus is in its field. */
export const SEARCH_KEYS = [
  { name: 'next', keys: ['Enter'], words: 'Select the next node that was found' },
  { name: 'previous', keys: ['Shift+Enter'], words: 'Select the previous node that was found' },
  { name: 'close', keys: ['Escape'], words: 'Close the search' }
] as const satisfies readonly Key[];

export type SearchKey = (typeof SEARCH_KEYS)[number]['name'];
export type PictureKey = (typeof PICTURE_KEYS)[number]['name'];
export type ViewKey = (typeof VIEW_KEYS)[number]['name'];
/** Action of each key; an action that does not apply returns false, and its key is passed on. */
export type KeyActions<Name extends string> = Record<Name, () => unknown>;

/** Return a key with its modifiers: `F9`, `Shift+F9`, `Ctrl+f`, `B`. */
export function pressed({ key, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): string {
  const ctrl = ctrlKey || metaKey;
  const sign = key.length === 1;
  return `${ctrl ? 'Ctrl+' : ''}${altKey ? 'Alt+' : ''}${shiftKey && (ctrl || !sign) ? 'Shift+' : ''}${ctrl && sign ? key.toLowerCase() : key}`;
}

/**
 * Run the action of a key; returns true if the action applied. The key is then not passed on, since JupyterLab's command mode has
 * some of the same keys.
 */
export function press<Name extends string>(
  event: KeyboardEvent,
  table: ReadonlyArray<Key<Name>>,
  actions: KeyActions<Name>
): boolean {
  const given = pressed(event);
  const found = table.find(({ keys }) => keys.includes(given));
  if (!found || typing(event, given) || actions[found.name]() === false) {
    return false;
  }
  event.preventDefault();
  event.stopPropagation();
  return true;
}

/** Return true if a key belongs to text being typed. */
function typing({ target }: Event, given: string): boolean {
  return (
    given.length === 1 &&
    Boolean((target as Element).closest?.('input:not([type=checkbox], [type=range]), textarea, select, [contenteditable=true]'))
  );
}
