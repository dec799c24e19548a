/** Commands of the panel; words, icons and keys are those of JupyterLab's debugger. */

import { Dialog, InputDialog, showDialog, type ICommandPalette } from '@jupyterlab/apputils';
import {
  closeAllIcon,
  pauseIcon,
  refreshIcon,
  runIcon,
  stepOverIcon,
  stopIcon,
  undoIcon,
  type LabIcon
} from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import { saveAllDrafts } from '../debug/inspector/drafts';
import { setPaused } from '../page/paused';
import { flowIcon } from './icon';
import type { PanelStore, OwnedFlow } from './store';
import type { SidebarActions } from './sidebar/actions';
import { count } from './sidebar/sections/flows';
import type { Target } from './target';

interface Command {
  label: string;
  caption: string;
  icon: LabIcon;
  enabled?: () => boolean;
  visible?: () => boolean;
  run: (args: Args) => unknown;
}
interface Args {
  flow?: string;
  workspace?: string;
  instance?: string;
  node?: string;
}

const CATEGORY = 'Flows';

/** Add the commands of the panel to JupyterLab and its palette. */
export function addCommands(
  commands: CommandRegistry,
  palette: ICommandPalette | null,
  store: PanelStore,
  target: Target,
  actions: SidebarActions,
  showPanel: () => void
): void {
  const table = { ...stepping(store, target, actions), ...others(store, actions, showPanel) };
  for (const [name, { label, caption, icon, enabled, visible, run }] of Object.entries(table)) {
    const command = `floe:${name}`;
    commands.addCommand(command, {
      label,
      caption,
      icon,
      isEnabled: enabled ?? (() => true),
      isVisible: visible ?? (() => true),
      execute: args => run(args as Args) as never,
      describedBy: { args: ARGUMENTS }
    });
    palette?.addItem({ command, category: CATEGORY });
  }
  const update = () => {
    setPaused(target, target.paused);
    Object.keys(table).forEach(name => commands.notifyCommandChanged(`floe:${name}`));
  };
  target.changed.on(update);
  store.changed.on(part => {
    if (part === 'breaks' || part === 'flows' || part === 'state') {
      update();
    }
  });
  update();
}

const ARGUMENTS = {
  type: 'object',
  properties: { flow: { type: 'string' }, workspace: { type: 'string' }, instance: { type: 'string' }, node: { type: 'string' } }
} as const;

/** Return the commands that drive a held run. */
function stepping(store: PanelStore, target: Target, actions: SidebarActions): Record<string, Command> {
  const call = (name: 'resume' | 'pause' | 'step' | 'back') => () =>
    actions.attempt(() => store.connection.call(name, { flow: target.flow }));
  const on = (name: 'resume' | 'step') => () => {
    const { flow } = target;
    actions.attempt(async () => {
      await saveAllDrafts(flow);
      await store.connection.call(name, { flow });
    });
  };
  return {
    continue: {
      label: 'Continue Flow',
      caption: 'Continue the flow',
      icon: runIcon,
      run: on('resume'),
      enabled: () => target.paused,
      visible: () => target.paused
    },
    pause: {
      label: 'Pause Flow',
      caption: 'Pause the flow',
      icon: pauseIcon,
      run: call('pause'),
      enabled: () => !target.over && !target.paused,
      visible: () => !target.paused
    },
    stop: {
      label: 'Terminate Flow',
      caption: 'Cancel the run',
      icon: stopIcon,
      enabled: () => !target.over,
      run: () => actions.attempt(() => store.connection.call('cancel', { ref: target.run?.ref ?? '' }))
    },
    step: {
      label: 'Step Flow',
      caption: 'Step: each node takes one message',
      icon: stepOverIcon,
      run: on('step'),
      enabled: () => target.paused
    },
    'step-back': {
      label: 'Step Flow Back',
      caption: 'Undo the last step',
      icon: undoIcon,
      run: call('back'),
      enabled: () => target.paused && target.recorded > 0
    }
  };
}

function others(store: PanelStore, actions: SidebarActions, showPanel: () => void): Record<string, Command> {
  const connected = () => store.connection.state === 'open';
  return {
    'open-flow': {
      label: 'Open Flow…',
      caption: 'Show a flow in a tab of its own',
      icon: flowIcon,
      run: async ({ flow, workspace, instance = '', node }) => {
        const chosen = flow
          ? { name: flow, workspace: workspace ?? store.flows.find(f => f.name === flow)?.workspace ?? '' }
          : await choose(store);
        if (chosen) {
          actions.open(chosen.name, chosen.workspace, instance, node);
        }
      }
    },
    'show-panel': { label: 'Show Flows', caption: 'Show the panel of flows and runs', icon: flowIcon, run: showPanel },
    refresh: {
      label: 'Refresh Flows',
      caption: 'Ask the dispatcher for all data again',
      icon: refreshIcon,
      enabled: connected,
      run: () => store.refresh()
    },
    'remove-breakpoints': {
      label: 'Remove All Breakpoints of Flows',
      caption: 'Remove all breakpoints of all flows',
      icon: closeAllIcon,
      enabled: () => connected() && store.breaks.length > 0,
      run: () => void removeAll(store, actions)
    }
  };
}

async function choose(store: PanelStore): Promise<OwnedFlow | undefined> {
  const names = store.flows.map(flow => store.named(flow.name, flow));
  if (!names.length) {
    await showDialog({
      title: 'Open Flow',
      body: 'No flow is defined yet. Write one in a %%floe flow cell.',
      buttons: [Dialog.okButton()]
    });
    return undefined;
  }
  const { button, value } = await InputDialog.getItem({ title: 'Open Flow', items: names });
  return button.accept && value ? store.flows[names.indexOf(value)] : undefined;
}

async function removeAll(store: PanelStore, actions: SidebarActions): Promise<void> {
  const { button } = await showDialog({
    title: 'Remove All Breakpoints?',
    body: `${count(store.breaks.length, 'breakpoint')} of all flows will be removed.`,
    buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: 'Remove' })]
  });
  if (button.accept) {
    const places = new Map(store.breaks.map(({ workspace, flow }) => [`${workspace} ${flow}`, { workspace, flow }]));
    places.forEach(place => actions.attempt(() => store.connection.call('clear_break', place)));
  }
}
