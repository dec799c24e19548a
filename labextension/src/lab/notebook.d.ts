/**
 * The only used token of `@jupyterlab/notebook`. The package stays out of `package.json`: a dependency would double the
 * installation, and JupyterLab provides the package to all extensions at run time.
 */
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
      readonly model: {
        readonly sharedModel: {
          insertCell(index: number, cell: { cell_type: string; source: string; metadata: object }): unknown;
        };
      } | null;
      readonly widgets: ReadonlyArray<{
        readonly node: HTMLElement;
        readonly model: { readonly sharedModel: { getSource(): string } };
      }>;
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
