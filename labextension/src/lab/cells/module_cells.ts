/** Notebook cells of modules: links from a node to the cell in which the node's module was written. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { INotebookCells, INotebookTracker } from '@jupyterlab/notebook';

/** Return the module that a cell defines; '' for other cells. */
export function moduleOf(source: string): string {
  return /^%%floe\s+module\s+([^\s-]\S*)/.exec(source)?.[1] ?? '';
}

/** Show the cell of a module in any open notebook. Returns false if no notebook has the cell. */
export async function showCell(app: JupyterFrontEnd, notebooks: INotebookTracker, module: string): Promise<boolean> {
  const current = notebooks.currentWidget;
  const found = current && cellOf(current, module) >= 0 ? current : notebooks.find(n => cellOf(n, module) >= 0);
  if (!found) {
    return false;
  }
  const index = cellOf(found, module);
  app.shell.activateById(found.id);
  found.content.activeCellIndex = index;
  await found.content.scrollToItem(index, 'center');
  return true;
}

/** Put code into a new cell below the cell whose output contains *at*. Returns false outside of notebooks. */
export function insertBelow(notebooks: INotebookTracker, at: Element, code: string): boolean {
  const found = notebooks.find(n => n.node.contains(at));
  const index = found?.content.widgets.findIndex(cell => cell.node.contains(at)) ?? -1;
  if (!found?.content.model || index < 0) {
    return false;
  }
  found.content.model.sharedModel.insertCell(index + 1, { cell_type: 'code', source: code, metadata: {} });
  return true;
}

/** Return the index of the last cell of a module, whose definition is the valid one; -1 if none exists. */
function cellOf(notebook: INotebookCells, module: string): number {
  return notebook.content.widgets.map(cell => moduleOf(cell.model.sharedModel.getSource())).lastIndexOf(module);
}
