/** The one token of `@jupyterlab/notebook` that is used. The package itself stays out of `package.json`: it would double
 * the installation, and JupyterLab gives it to every extension at run time. */
declare module '@jupyterlab/notebook' {
  import type { Token } from '@lumino/coreutils';
  import type { ISignal } from '@lumino/signaling';
  import type { Widget } from '@lumino/widgets';

  export interface ICell {
    readonly type: string;
    readonly trusted: boolean;
    readonly stateChanged: ISignal<unknown, unknown>;
  }
  export interface INotebookModel {
    readonly cells: { readonly length: number; get(index: number): ICell };
    getMetadata(key: string): unknown;
  }
  export interface INotebookCells extends Widget {
    readonly context: { readonly ready: Promise<void>; readonly model: INotebookModel };
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
