/** Wires the parts into JupyterLab; each idea has its own file. */

import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { EditorExtensionRegistry, IEditorExtensionRegistry, IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { ServerConnection } from '@jupyterlab/services';
import { bugIcon, pauseIcon, runIcon, stepOverIcon, stopIcon } from '@jupyterlab/ui-components';
import { Widget } from '@lumino/widgets';
import { Bench } from '../bench/bench';
import type { Connection } from '../client/connection';
import { SocketConnection } from '../client/socket';
import { highlight } from './highlight';
import { Panel } from './panel';

/** The bridge of this page's server. */
function connect(): Connection {
  const { wsUrl, token } = ServerConnection.makeSettings();
  const url = new URL('floe/bridge', wsUrl);
  if (token) {
    url.searchParams.set('token', token);
  }
  return new SocketConnection(url.href);
}

/** A flow in the main area. */
class FlowTab extends Widget {
  private readonly bench: Bench;

  constructor(connection: Connection, readonly flow: string, readonly instance: string) {
    super();
    this.id = `floe-flow-${instance || flow}`;
    this.addClass('floe-tab');
    this.title.label = instance || flow;
    this.title.icon = bugIcon;
    this.bench = new Bench(this.node, connection, { flow, instance });
  }

  do(command: string): void {
    this.node.querySelector<HTMLButtonElement>(`[data-cmd="${command}"]:not([hidden]):enabled`)?.click();
  }

  override dispose(): void {
    this.bench.dispose();
    super.dispose();
  }
}

const COMMANDS = [
  ['resume', 'Continue', runIcon], ['pause', 'Pause', pauseIcon], ['step', 'Next', stepOverIcon],
  ['back', 'Step Back', undefined], ['stop', 'Terminate', stopIcon]
] as const;

const panel: JupyterFrontEndPlugin<void> = {
  id: 'floe-jupyter:panel',
  description: 'The panel of flows and runs.',
  autoStart: true,
  optional: [ILayoutRestorer, ICommandPalette],
  activate: (app: JupyterFrontEnd, restorer: ILayoutRestorer | null, palette: ICommandPalette | null) => {
    const connection = connect();
    const tracker = new WidgetTracker<MainAreaWidget<FlowTab>>({ namespace: 'floe-flows' });
    const open = (flow: string, instance: string) => void app.commands.execute('floe:open', { flow, instance });
    const side = new Widget();
    const content = new Panel(connection, { open });
    side.id = 'floe-panel';
    side.title.icon = bugIcon;
    side.title.caption = 'Flows';
    side.addClass('floe-side');
    side.node.append(content.node);
    app.shell.add(side, 'right', { rank: 900 });
    restorer?.add(side, 'floe-panel');
    app.commands.addCommand('floe:open', {
      label: 'Open Flow',
      execute: args => {
        const { flow = '', instance = '' } = args as { flow?: string; instance?: string };
        const there = tracker.find(w => w.content.flow === flow && w.content.instance === instance);
        const widget = there ?? new MainAreaWidget({ content: new FlowTab(connection, flow, instance) });
        if (!there) {
          app.shell.add(widget, 'main', { mode: 'split-right' });
          void tracker.add(widget);
        }
        app.shell.activateById(widget.id);
      }
    });
    for (const [name, label, icon] of COMMANDS) {
      const command = `floe:${name}`;
      app.commands.addCommand(command, { label, icon, isEnabled: () => tracker.currentWidget !== null,
        execute: () => tracker.currentWidget?.content.do(name) });
      palette?.addItem({ command, category: 'Flows' });
    }
    app.commands.addCommand('floe:show', { label: 'Show Flows', execute: () => app.shell.activateById(side.id) });
    palette?.addItem({ command: 'floe:show', category: 'Flows' });
    void restorer?.restore(tracker, { command: 'floe:open',
      args: w => ({ flow: w.content.flow, instance: w.content.instance }), name: w => w.content.id });
  }
};

const languages: JupyterFrontEndPlugin<void> = {
  id: 'floe-jupyter:languages',
  description: 'Highlights module cells in their own language.',
  autoStart: true,
  requires: [IEditorExtensionRegistry, IEditorLanguageRegistry],
  activate: (_: JupyterFrontEnd, extensions: IEditorExtensionRegistry, registry: IEditorLanguageRegistry) => {
    extensions.addExtension({
      name: 'floe-jupyter:languages',
      factory: () => EditorExtensionRegistry.createImmutableExtension(highlight(registry))
    });
  }
};

export default [panel, languages];
