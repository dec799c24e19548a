/** From a node to the notebook cell that its module was written in. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { INotebookCells, INotebookTracker } from '@jupyterlab/notebook';

/** The module that a cell defines; '' for other cells. */
export function moduleOf(source: string): string {
  return /^%%floe\s+module\s+([^\s-]\S*)/.exec(source)?.[1] ?? '';
}

/** Show the cell of a module, in whichever open notebook it stands. False: there is none. */
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

/** The last one: a module that was defined again is what it says there. */
function cellOf(notebook: INotebookCells, module: string): number {
  return notebook.content.widgets.map(cell => moduleOf(cell.model.sharedModel.getSource())).lastIndexOf(module);
}
