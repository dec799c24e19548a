/**
 * Card in the launcher and entry in the help menu that open the example notebooks, copied into a new folder below the current
 * one, so that no file is overwritten.
 */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { type Contents, ServerConnection } from '@jupyterlab/services';
import { flowIcon } from '../icon';

const COMMAND = 'floe:open-examples';
const FOLDER = 'floe-examples';

/** File as the contents API takes files; `path` is relative to the folder of the examples. */
interface Example {
  path: string;
  type: 'notebook' | 'file';
  format: 'json' | 'text';
  content: unknown;
}

/** Plug-in that offers the example notebooks. */
export const examples: JupyterFrontEndPlugin<void> = {
  id: 'floe-jupyter:examples',
  description: 'Opens the example notebooks.',
  autoStart: true,
  optional: [ILauncher, IDefaultFileBrowser, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    launcher: ILauncher | null,
    browser: IDefaultFileBrowser | null,
    palette: ICommandPalette | null
  ) => {
    app.commands.addCommand(COMMAND, {
      label: args => (args.card ? 'floe examples' : 'Flow Examples'),
      caption: 'Copy the example notebooks of floe into this folder, and open the first',
      icon: flowIcon,
      describedBy: { args: { type: 'object', properties: { cwd: { type: 'string' }, card: { type: 'boolean' } } } },
      execute: async args => {
        try {
          const first = await copy(app.serviceManager.contents, String(args.cwd ?? browser?.model.path ?? ''));
          await app.commands.execute('docmanager:open', { path: first });
        } catch (error) {
          Notification.error(`The examples could not be copied: ${(error as Error).message}`, { autoClose: 8000 });
        }
      }
    });
    launcher?.add({ command: COMMAND, category: 'Other', rank: 20, args: { card: true } });
    palette?.addItem({ command: COMMAND, category: 'Flows' });
  }
};

/** Copy all examples into a new folder of `parent`; returns the path of the first. */
async function copy(contents: Contents.IManager, parent: string): Promise<string> {
  const files = await fetchAll();
  const folder = await newFolder(contents, parent);
  const below = [
    ...new Set(
      files
        .map(({ path }) => path)
        .filter(path => path.includes('/'))
        .map(path => path.slice(0, path.lastIndexOf('/')))
    )
  ];
  for (const path of below) {
    await contents.save(`${folder}/${path}`, { type: 'directory' });
  }
  for (const { path, type, format, content } of files) {
    await contents.save(`${folder}/${path}`, { type, format, content });
  }
  return `${folder}/${files[0].path}`;
}

async function fetchAll(): Promise<Example[]> {
  const settings = ServerConnection.makeSettings();
  const response = await ServerConnection.makeRequest(new URL('floe/examples', settings.baseUrl).href, {}, settings);
  if (!response.ok) {
    throw new Error(
      response.status === 404
        ? 'this Jupyter server does not know floe-jupyter; install it where the server runs, and restart the server'
        : `the server answered ${response.status} ${response.statusText}`
    );
  }
  const { files } = (await response.json()) as { files: Example[] };
  if (!files.length) {
    throw new Error('the installed package has no examples; reinstall floe-jupyter');
  }
  return files;
}

/**
 * Create a folder with an unused name. The folder is made first and then renamed, which fails if the name was taken meanwhile.
 */
async function newFolder(contents: Contents.IManager, parent: string): Promise<string> {
  const listed = await contents.get(parent, { content: true });
  const taken = new Set((listed.content as Contents.IModel[]).map(({ name }) => name));
  let name = FOLDER;
  for (let number = 2; taken.has(name); number++) {
    name = `${FOLDER}-${number}`;
  }
  const made = await contents.newUntitled({ path: parent, type: 'directory' });
  const path = [...(parent.replace(/\/$/, '') ? [parent.replace(/\/$/, '')] : []), name].join('/');
  return (await contents.rename(made.path, path)).path;
}
