/** Widgets that were saved in a notebook are restored only where the notebook is trusted.
 *
 * ipywidgets restores the models in a notebook's metadata when it is opened, whether it is trusted or not, and a model of
 * anywidget brings its script along and runs it at once. So the notebook's model says that there are none. The notebook itself
 * is left as it is: what is saved is taken from the shared model, not from here. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, type ICell, type INotebookCells, type INotebookModel } from '@jupyterlab/notebook';

const KEY = 'widgets';
const VIEW = 'application/vnd.jupyter.widget-view+json';
const TRUST = 'notebook:trust';

/** Those that keep their widgets back; the value lets them go. */
const kept = new WeakMap<INotebookModel, () => void>();

/** What is used of ipywidgets' renderer and manager. */
interface Renderer {
  readonly _manager?: { readonly promise: Promise<Manager> };
  dispose(): void;
}

interface Manager {
  _restoredStatus?: boolean;
  restoreWidgets?(model: INotebookModel, what: { loadKernel: boolean; loadNotebook: boolean }): Promise<void>;
}

function code(model: INotebookModel): ICell[] {
  return Array.from({ length: model.cells.length }, (_, n) => model.cells.get(n)).filter(cell => cell.type === 'code');
}

/** Whether a person or a signature vouches for all code. Where there are no code cells, neither of them does. */
function trusted(model: INotebookModel): boolean {
  const cells = code(model);
  return cells.length > 0 && cells.every(cell => cell.trusted);
}

/** Keep the saved widgets back, unless the notebook is trusted when it was read: to run a cell is not to vouch for the rest. */
function keep(notebook: INotebookCells): void {
  const { model, ready } = notebook.context;
  if (kept.has(model)) {
    return; // a second view of the same notebook
  }
  let allowed: boolean | undefined;
  const original = model.getMetadata.bind(model);
  model.getMetadata = (key: string) => (key === KEY && !(allowed ?? trusted(model)) ? undefined : original(key));
  kept.set(model, () => { allowed = true; });
  void ready.then(() => { allowed ??= trusted(model); }).catch(() => undefined);
}

/** A person is asked whether to trust an open notebook: as soon as its cells are trusted, let its widgets go. This cannot wait for
 * the command's end, which saves: outputs that are drawn anew give up a missing model after two seconds. */
function ask(notebook: INotebookCells, asked: Promise<unknown>): void {
  const { model } = notebook.context;
  const cells = code(model);
  const stop = (): void => cells.forEach(cell => cell.stateChanged.disconnect(look));
  const look = (): void => {
    if (trusted(model)) {
      stop();
      void release(notebook).catch(() => undefined);
    }
  };
  cells.forEach(cell => cell.stateChanged.connect(look));
  void asked.then(stop, stop);
}

/** Let ipywidgets look again. Where its manager is not to be had, the next opening restores. */
async function release(notebook: INotebookCells): Promise<void> {
  const { model } = notebook.context;
  kept.get(model)?.();
  const renderer = (notebook.content.rendermime as { createRenderer(mimeType: string): Renderer }).createRenderer(VIEW);
  const found = renderer._manager?.promise;
  renderer.dispose();
  const manager = await found;
  if (manager?.restoreWidgets) {
    manager._restoredStatus = false; // or outputs whose model comes late would not be drawn again
    await manager.restoreWidgets(model, { loadKernel: false, loadNotebook: true });
  }
}

export const trust: JupyterFrontEndPlugin<void> = {
  id: 'floe-jupyter:trust',
  description: 'Restores saved widgets only in notebooks that are trusted.',
  autoStart: true,
  requires: [INotebookTracker],
  activate: (app: JupyterFrontEnd, notebooks: INotebookTracker) => {
    notebooks.forEach(keep);
    notebooks.widgetAdded.connect((_sender, notebook) => keep(notebook));
    app.commands.commandExecuted.connect((_sender, { id, result }) => {
      const notebook = notebooks.currentWidget;
      if (id === TRUST && notebook) {
        ask(notebook, result);
      }
    });
  }
};
