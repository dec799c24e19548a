/** Plug-in of the panel: sidebar, tabs, commands and settings, around one connection. */

import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ICommandPalette, MainAreaWidget, Notification, showDialog, WidgetTracker } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { serveCells, serveTabs } from '../bench/lab';
import { insertBelow, showCell } from './cells';
import { addCommands } from './commands';
import { connect } from './connect';
import { Known } from './known';
import type { Deeds } from './sections/deeds';
import { follow } from './settings';
import { Sidebar, type SidebarState } from './sidebar';
import { addStyle } from './style';
import { FlowTab, tabId } from './tab';
import { Target } from './target';

type Tab = MainAreaWidget<FlowTab>;

export const panel: JupyterFrontEndPlugin<void> = {
  id: 'floe-jupyter:panel',
  description: 'The panel of flows and runs.',
  autoStart: true,
  optional: [ILayoutRestorer, ICommandPalette, ISettingRegistry, INotebookTracker],
  activate: (app: JupyterFrontEnd, restorer: ILayoutRestorer | null, palette: ICommandPalette | null, settings: ISettingRegistry | null,
    notebooks: INotebookTracker | null) => {
    addStyle(document);
    const connection = connect();
    const known = new Known(connection);
    const target = new Target(known);
    const tabs = new WidgetTracker<Tab>({ namespace: 'floe-tabs' });
    const sidebars = new WidgetTracker<Sidebar>({ namespace: 'floe-panel' });
    const deeds = doer(app, known, target, tabs, notebooks);
    const show = () => app.shell.activateById('floe-panel');
    addCommands(app.commands, palette, known, target, deeds, show);
    const sidebar = new Sidebar(known, target, deeds, app.commands, () => void sidebars.save(sidebar));
    app.shell.add(sidebar, 'right', { rank: 900, type: 'Flows' });
    app.commands.addCommand('floe:restore-panel', { label: 'Restore the Panel of Flows', isVisible: () => false,
      execute: args => { sidebar.state = args as unknown as SidebarState; } });
    looking(app, tabs, target);
    serveCells((at, code) => Boolean(notebooks && insertBelow(notebooks, at, code)));
    serveTabs(({ flow, workspace, instance, node }) => deeds.open(flow, workspace, instance, node));
    if (restorer) {
      restorer.add(sidebar, 'floe-panel');
      void restorer.restore(sidebars, { command: 'floe:restore-panel', args: w => w.state as never, name: () => 'panel' });
      void restorer.restore(tabs, { command: 'floe:open-flow', args: ({ content: { flow, workspace, instance } }) => ({ flow, workspace, instance }),
        name: ({ content: { flow, workspace, instance } }) => tabId(flow, workspace, instance) });
    }
    void sidebars.add(sidebar);
    let first = true;
    // not earlier: Notebook 7 throws if settings are loaded before the settings of its shortcuts
    void app.started.then(() => follow(settings, panel.id, ({ updateRate, animate, logLines, showPanel }) => {
      connection.pace.rate = updateRate;
      document.body.dataset.floeAnimate = String(animate);
      sidebar.logs.limit = logLines;
      if (showPanel && first) {
        first = false;
        void app.restored.then(show);
      }
    }));
  }
};

/** Return the actions of rows and commands. */
function doer(app: JupyterFrontEnd, known: Known, target: Target, tabs: WidgetTracker<Tab>, notebooks: INotebookTracker | null): Deeds {
  const deeds: Deeds = {
    open: (flow, workspace, instance, node, message) => {
      const tab = tabs.find(({ content: c }) => c.flow === flow && c.workspace === workspace && c.instance === instance)
        ?? opened(flow, workspace, instance);
      app.shell.activateById(tab.id);
      if (node) {
        tab.content.select(node, message);
      }
    },
    attempt: work => void work().catch((error: Error) => Notification.error(error.message, { autoClose: 8000 })),
    confirm: async (title, body) => (await showDialog({ title, body,
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: 'Remove' })] })).button.accept,
    cell: (flow, workspace, node) => {
      const module = known.flows.find(f => f.name === flow && (!workspace || f.workspace === workspace))?.nodes?.find(n => n.id === node)?.module ?? node;
      void (notebooks && showCell(app, notebooks, module));
    }
  };
  const opened = (flow: string, workspace: string, instance: string): Tab => {
    const content = new FlowTab(known, flow, workspace, instance, { cell: deeds.cell,
      shows: tab => { if (tab.isVisible) { target.look(tab.current); } } });
    const tab = new MainAreaWidget({ content });
    tab.id = content.id;
    tab.toolbar.hide(); // the debug view has its own
    content.id = `${content.id}-content`;
    // Notebook 7 has one document in its main area
    app.shell.add(tab, app.name.includes('Notebook') ? 'down' : 'main', { mode: 'tab-after', type: 'Flow' });
    void tabs.add(tab);
    return tab;
  };
  return deeds;
}

/**
 * Selectors of the panel's buttons, the menus and the palette: focus in these elements keeps the run that was looked at as the
 * target.
 */
const TOOLS = '.floe-sidebar, .lm-MenuBar, .lm-Menu, .lm-CommandPalette, .jp-SideBar';

/** Follow the flow that the keys are meant for: the tab in front, or the widget with the focus. */
function looking(app: JupyterFrontEnd, tabs: WidgetTracker<Tab>, target: Target): void {
  const look = () => {
    const current = tabs.find(tab => tab.isVisible && tab === app.shell.currentWidget);
    target.look(current?.content.current ?? '');
  };
  app.shell.currentChanged?.connect(look);
  tabs.currentChanged.connect(look);
  document.addEventListener('focusin', event => {
    const at = event.target as Element;
    const instance = at.closest?.<HTMLElement>('.floe-bench[data-instance]')?.dataset.instance;
    if (instance) {
      target.look(instance);
    } else if (!at.closest?.(`${TOOLS}, .floe-tab`)) {
      target.leave();
    }
  });
}
