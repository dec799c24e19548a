/** Plug-in that colours cells. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { EditorExtensionRegistry, IEditorExtensionRegistry, IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { highlight } from './highlight';

/** Plug-in that adds the colours to all editors. */
export const languages: JupyterFrontEndPlugin<void> = {
  id: 'floe-jupyter:languages',
  description: 'Highlights module cells in their own language, and flow cells in the notation of flows.',
  autoStart: true,
  requires: [IEditorExtensionRegistry, IEditorLanguageRegistry],
  activate: (_: JupyterFrontEnd, extensions: IEditorExtensionRegistry, registry: IEditorLanguageRegistry) => {
    extensions.addExtension({
      name: 'floe-jupyter:languages',
      factory: () => EditorExtensionRegistry.createImmutableExtension(highlight(registry))
    });
  }
};
