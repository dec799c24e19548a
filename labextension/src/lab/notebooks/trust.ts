/**
 * Restoring of saved widgets, limited to trusted notebooks.
 *
 * On opening a notebook, ipywidgets restores the models in the metadata, trusted or not, and an anywidget model runs its script
 * at once. So the notebook's model reports no saved widgets. The notebook itself is not changed: saving reads the shared model,
 * not this one.
 */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, type ICell, type INotebookCells, type INotebookModel } from '@jupyterlab/notebook';

const KEY = 'widgets';
const VIEW = 'application/vnd.jupyter.widget-view+json';
const TRUST = 'notebook:trust';

/** Models of notebooks whose widgets are kept back; the value releases the widgets. */
const heldBack = new WeakMap<INotebookModel, () => void>();

/** Used parts of ipywidgets' renderer and manager. */
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

/** Return true if a person or a signature vouches for all code; false without code cells, which cannot be vouched for. */
function trusted(model: INotebookModel): boolean {
  const cells = code(model);
  return cells.length > 0 && cells.every(cell => cell.trusted);
}

/** Keep the saved widgets back unless the notebook was trusted on reading: running a cell does not vouch for the rest. */
function holdBack(notebook: INotebookCells): void {
  const { model, ready } = notebook.context;
  if (heldBack.has(model)) {
    return; // a second view of the same notebook
  }
  let allowed: boolean | undefined;
  const original = model.getMetadata.bind(model);
  model.getMetadata = (key: string) => (key === KEY && !(allowed ?? trusted(model)) ? undefined : original(key));
  heldBack.set(model, () => {
    allowed = true;
  });
  void ready
    .then(() => {
      allowed ??= trusted(model);
    })
    .catch(() => undefined);
}

/**
 * Release the widgets as soon as the cells of an open notebook become trusted, after a person is asked. Waiting for the end of
 * the command, which saves, would be too late: outputs that are drawn anew give up a missing model after two seconds.
 */
function releaseWhenTrusted(notebook: INotebookCells, asked: Promise<unknown>): void {
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

/** Let ipywidgets restore again. If its manager is not available, widgets are restored on the next opening. */
async function release(notebook: INotebookCells): Promise<void> {
  const { model } = notebook.context;
  heldBack.get(model)?.();
  const renderer = (notebook.content.rendermime as { createRenderer(mimeType: string): Renderer }).createRenderer(VIEW);
  const found = renderer._manager?.promise;
  renderer.dispose();
  const manager = await found;
  if (manager?.restoreWidgets) {
    manager._restoredStatus = false; // otherwise outputs whose model comes late would not be drawn again
    await manager.restoreWidgets(model, { loadKernel: false, loadNotebook: true });
  }
}

/** Plug-in that restores saved widgets of trusted notebooks only. */
export const trust: JupyterFrontEndPlugin<void> = {
  id: 'floe-jupyter:trust',
  description: 'Restores saved widgets only in notebooks that are trusted.',
  autoStart: true,
  requires: [INotebookTracker],
  activate: (app: JupyterFrontEnd, notebooks: INotebookTracker) => {
    notebooks.forEach(holdBack);
    notebooks.widgetAdded.connect((_sender, notebook) => holdBack(notebook));
    app.commands.commandExecuted.connect((_sender, { id, result }) => {
      const notebook = notebooks.currentWidget;
      if (id === TRUST && notebook) {
        releaseWhenTrusted(notebook, result);
      }
    });
  }
};
