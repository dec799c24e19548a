/** Plug-in of the panel: sidebar, tabs, commands and settings, around one connection. */

import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ICommandPalette, MainAreaWidget, Notification, showDialog, WidgetTracker } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { serveCells, serveTabs } from '../page/lab_requests';
import { insertBelow, showCell } from './cells/module_cells';
import { addCommands } from './commands';
import { connect } from './connect';
import { PanelStore } from './store';
import type { SidebarActions } from './sidebar/actions';
import { follow } from './settings';
import { Sidebar, type SidebarState } from './sidebar/sidebar';
import { addStyle } from './style';
import { FlowTab, tabId } from './tab';
import { Target } from './target';

type Tab = MainAreaWidget<FlowTab>;

/** Plug-in of the panel. */
export const panel: JupyterFrontEndPlugin<void> = {
  id: 'floe-jupyter:panel',
  description: 'The panel of flows and runs.',
  autoStart: true,
  optional: [ILayoutRestorer, ICommandPalette, ISettingRegistry, INotebookTracker],
  activate: (
    app: JupyterFrontEnd,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    settings: ISettingRegistry | null,
    notebooks: INotebookTracker | null
  ) => {
    addStyle(document);
    const connection = connect();
    const store = new PanelStore(connection);
    const target = new Target(store);
    const tabs = new WidgetTracker<Tab>({ namespace: 'floe-tabs' });
    const sidebars = new WidgetTracker<Sidebar>({ namespace: 'floe-panel' });
    const actions = makeActions(app, store, target, tabs, notebooks);
    const show = () => app.shell.activateById('floe-panel');
    addCommands(app.commands, palette, store, target, actions, show);
    const sidebar = new Sidebar(store, target, actions, app.commands, () => void sidebars.save(sidebar));
    app.shell.add(sidebar, 'right', { rank: 900, type: 'Flows' });
    app.commands.addCommand('floe:restore-panel', {
      label: 'Restore the Panel of Flows',
      isVisible: () => false,
      execute: args => {
        sidebar.state = args as unknown as SidebarState;
      }
    });
    followFocus(app, tabs, target);
    serveCells((at, code) => Boolean(notebooks && insertBelow(notebooks, at, code)));
    serveTabs(({ flow, workspace, instance, node }) => actions.open(flow, workspace, instance, node));
    if (restorer) {
      restorer.add(sidebar, 'floe-panel');
      void restorer.restore(sidebars, { command: 'floe:restore-panel', args: w => w.state as never, name: () => 'panel' });
      void restorer.restore(tabs, {
        command: 'floe:open-flow',
        args: ({ content: { flow, workspace, instance } }) => ({ flow, workspace, instance }),
        name: ({ content: { flow, workspace, instance } }) => tabId(flow, workspace, instance)
      });
    }
    void sidebars.add(sidebar);
    let first = true;
    // not earlier: Notebook 7 throws if settings are loaded before the settings of its shortcuts
    void app.started.then(() =>
      follow(settings, panel.id, ({ updateRate, animate, logLines, showPanel }) => {
        connection.throttle.rate = updateRate;
        document.body.dataset.floeAnimate = String(animate);
        sidebar.logs.limit = logLines;
        if (showPanel && first) {
          first = false;
          void app.restored.then(show);
        }
      })
    );
  }
};

/** Return the actions of rows and commands. */
function makeActions(
  app: JupyterFrontEnd,
  store: PanelStore,
  target: Target,
  tabs: WidgetTracker<Tab>,
  notebooks: INotebookTracker | null
): SidebarActions {
  const actions: SidebarActions = {
    open: (flow, workspace, instance, node, message) => {
      const tab =
        tabs.find(({ content: c }) => c.flow === flow && c.workspace === workspace && c.instance === instance) ??
        opened(flow, workspace, instance);
      app.shell.activateById(tab.id);
      if (node) {
        tab.content.select(node, message);
      }
    },
    attempt: work => void work().catch((error: Error) => Notification.error(error.message, { autoClose: 8000 })),
    confirm: async (title, body) =>
      (await showDialog({ title, body, buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: 'Remove' })] })).button.accept,
    cell: (flow, workspace, node) => {
      const module =
        store.flows.find(f => f.name === flow && (!workspace || f.workspace === workspace))?.nodes?.find(n => n.id === node)
          ?.module ?? node;
      void (notebooks && showCell(app, notebooks, module));
    }
  };
  const opened = (flow: string, workspace: string, instance: string): Tab => {
    const content = new FlowTab(store, flow, workspace, instance, {
      cell: actions.cell,
      runChanged: tab => {
        if (tab.isVisible) {
          target.look(tab.current);
        }
      }
    });
    const tab = new MainAreaWidget({ content });
    tab.id = content.id;
    tab.toolbar.hide(); // the debug view has its own
    content.id = `${content.id}-content`;
    // Notebook 7 has one document in its main area
    app.shell.add(tab, app.name.includes('Notebook') ? 'down' : 'main', { mode: 'tab-after', type: 'Flow' });
    void tabs.add(tab);
    return tab;
  };
  return actions;
}

/**
 * Selectors of the panel's buttons, the menus and the palette: focus in these elements keeps the run that was looked at as the
 * target.
 */
const TOOLS = '.floe-sidebar, .lm-MenuBar, .lm-Menu, .lm-CommandPalette, .jp-SideBar';

/** Follow the flow that the keys are meant for: the tab in front, or the widget with the focus. */
function followFocus(app: JupyterFrontEnd, tabs: WidgetTracker<Tab>, target: Target): void {
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
