/** Paused flows of the page: known to any debug view or to the panel. JupyterLab's keys for stepping depend on this set. */

/** Key of the set shared by the page: the widget's bundle and the panel's each have a copy of this module. */
const KEY = Symbol.for('floe.paused');
const page = globalThis as { [KEY]?: Set<object> };
const paused = (page[KEY] ??= new Set());

/** Add a view to the paused ones, or remove it. */
export function setPaused(view: object, on: boolean): void {
  if (on) {
    paused.add(view);
  } else {
    paused.delete(view);
  }
  const { dataset } = document.body;
  if (Boolean(dataset.floePaused) !== paused.size > 0) {
    if (paused.size) {
      dataset.floePaused = 'true';
    } else {
      delete dataset.floePaused;
    }
  }
}
