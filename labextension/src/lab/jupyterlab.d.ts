/** Tokens of JupyterLab's launcher and file browser, declared for the same reason as in `notebook.d.ts`. */
declare module '@jupyterlab/launcher' {
  import type { Token } from '@lumino/coreutils';

  export interface ILauncher {
    add(item: { command: string; category?: string; rank?: number; args?: Record<string, unknown> }): unknown;
  }
  export const ILauncher: Token<ILauncher>;
}

declare module '@jupyterlab/filebrowser' {
  import type { Token } from '@lumino/coreutils';

  export interface IDefaultFileBrowser {
    readonly model: { readonly path: string };
  }
  export const IDefaultFileBrowser: Token<IDefaultFileBrowser>;
}
