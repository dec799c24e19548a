/** Commands of the panel; words, icons and keys are those of JupyterLab's debugger. */

import { Dialog, InputDialog, showDialog, type ICommandPalette } from '@jupyterlab/apputils';
import { closeAllIcon, pauseIcon, refreshIcon, runIcon, stepOverIcon, stopIcon, undoIcon, type LabIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import { settleAll } from '../bench/drafts';
import { setPaused } from '../bench/paused';
import { flowIcon } from './icon';
import type { Known, OwnedFlow } from './known';
import type { Deeds } from './sections/deeds';
import { count } from './sections/flows';
import type { Target } from './target';

interface Command { label: string; caption: string; icon: LabIcon; enabled?: () => boolean; visible?: () => boolean; run: (args: Args) => unknown }
interface Args { flow?: string; workspace?: string; instance?: string; node?: string }

const CATEGORY = 'Flows';

export function addCommands(commands: CommandRegistry, palette: ICommandPalette | null, known: Known, target: Target, deeds: Deeds,
  showPanel: () => void): void {
  const table = { ...stepping(known, target, deeds), ...others(known, deeds, showPanel) };
  for (const [name, { label, caption, icon, enabled, visible, run }] of Object.entries(table)) {
    const command = `floe:${name}`;
    commands.addCommand(command, { label, caption, icon, isEnabled: enabled ?? (() => true), isVisible: visible ?? (() => true),
      execute: args => run(args as Args) as never, describedBy: { args: ARGUMENTS } });
    palette?.addItem({ command, category: CATEGORY });
  }
  const news = () => {
    setPaused(target, target.paused);
    Object.keys(table).forEach(name => commands.notifyCommandChanged(`floe:${name}`));
  };
  target.changed.on(news);
  known.changed.on(part => { if (part === 'breaks' || part === 'flows' || part === 'state') { news(); } });
  news();
}

const ARGUMENTS = { type: 'object', properties: { flow: { type: 'string' }, workspace: { type: 'string' }, instance: { type: 'string' }, node: { type: 'string' } } } as const;

/** Return the commands that drive a held run. */
function stepping(known: Known, target: Target, deeds: Deeds): Record<string, Command> {
  const call = (name: 'resume' | 'pause' | 'step' | 'back') => () => deeds.attempt(() => known.connection.call(name, { flow: target.flow }));
  const on = (name: 'resume' | 'step') => () => {
    const { flow } = target;
    deeds.attempt(async () => { await settleAll(flow); await known.connection.call(name, { flow }); });
  };
  return {
    continue: { label: 'Continue Flow', caption: 'Continue the flow', icon: runIcon, run: on('resume'),
      enabled: () => target.paused, visible: () => target.paused },
    pause: { label: 'Pause Flow', caption: 'Pause the flow', icon: pauseIcon, run: call('pause'),
      enabled: () => !target.over && !target.paused, visible: () => !target.paused },
    stop: { label: 'Terminate Flow', caption: 'Cancel the run', icon: stopIcon, enabled: () => !target.over,
      run: () => deeds.attempt(() => known.connection.call('cancel', { ref: target.run?.ref ?? '' })) },
    step: { label: 'Step Flow', caption: 'Step: each node takes one message', icon: stepOverIcon, run: on('step'), enabled: () => target.paused },
    'step-back': { label: 'Step Flow Back', caption: 'Undo the last step', icon: undoIcon, run: call('back'),
      enabled: () => target.paused && target.recorded > 0 }
  };
}

function others(known: Known, deeds: Deeds, showPanel: () => void): Record<string, Command> {
  const there = () => known.connection.state === 'open';
  return {
    'open-flow': { label: 'Open Flow…', caption: 'Show a flow in a tab of its own', icon: flowIcon,
      run: async ({ flow, workspace, instance = '', node }) => {
        const chosen = flow ? { name: flow, workspace: workspace ?? known.flows.find(f => f.name === flow)?.workspace ?? '' } : await choose(known);
        if (chosen) {
          deeds.open(chosen.name, chosen.workspace, instance, node);
        }
      } },
    'show-panel': { label: 'Show Flows', caption: 'Show the panel of flows and runs', icon: flowIcon, run: showPanel },
    refresh: { label: 'Refresh Flows', caption: 'Ask the dispatcher for everything again', icon: refreshIcon, enabled: there,
      run: () => known.refresh() },
    'remove-breakpoints': { label: 'Remove All Breakpoints of Flows', caption: 'Remove all breakpoints of all flows', icon: closeAllIcon,
      enabled: () => there() && known.breaks.length > 0, run: () => void removeAll(known, deeds) }
  };
}

async function choose(known: Known): Promise<OwnedFlow | undefined> {
  const names = known.flows.map(flow => known.named(flow.name, flow));
  if (!names.length) {
    await showDialog({ title: 'Open Flow', body: 'No flow is defined yet. Write one in a %%floe flow cell.', buttons: [Dialog.okButton()] });
    return undefined;
  }
  const { button, value } = await InputDialog.getItem({ title: 'Open Flow', items: names });
  return button.accept && value ? known.flows[names.indexOf(value)] : undefined;
}

async function removeAll(known: Known, deeds: Deeds): Promise<void> {
  const { button } = await showDialog({ title: 'Remove All Breakpoints?', body: `${count(known.breaks.length, 'breakpoint')} of all flows will be removed.`,
    buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: 'Remove' })] });
  if (button.accept) {
    const places = new Map(known.breaks.map(({ workspace, flow }) => [`${workspace} ${flow}`, { workspace, flow }]));
    places.forEach(place => deeds.attempt(() => known.connection.call('clear_break', place)));
  }
}
