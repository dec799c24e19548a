/** Whether any bench of the page shows a paused flow: JupyterLab's keys for stepping are bound to that. */

const paused = new Set<object>();

export function setPaused(bench: object, on: boolean): void {
  if (on) {
    paused.add(bench);
  } else {
    paused.delete(bench);
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
