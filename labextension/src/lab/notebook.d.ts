/** The one token of `@jupyterlab/notebook` that is used. The package itself stays out of `package.json`: it would double
 * the installation, and JupyterLab gives it to every extension at run time. */
declare module '@jupyterlab/notebook' {
  import type { Token } from '@lumino/coreutils';
  import type { ISignal } from '@lumino/signaling';
  import type { Widget } from '@lumino/widgets';

  export interface INotebookCells extends Widget {
    readonly content: {
      readonly widgets: ReadonlyArray<{ readonly model: { readonly sharedModel: { getSource(): string } } }>;
      activeCellIndex: number;
      readonly rendermime: unknown;
      scrollToItem(index: number, align?: string): Promise<void>;
    };
  }
  export interface INotebookTracker {
    readonly currentWidget: INotebookCells | null;
    readonly widgetAdded: ISignal<INotebookTracker, INotebookCells>;
    forEach(each: (notebook: INotebookCells) => void): void;
    find(test: (notebook: INotebookCells) => boolean): INotebookCells | undefined;
  }
  export const INotebookTracker: Token<INotebookTracker>;
}
