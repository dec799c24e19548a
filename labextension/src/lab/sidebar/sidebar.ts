/** Sidebar: the flow that the keys are meant for and its state, then all known data, section by section. */

import { CommandToolbarButton, SidePanel } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import { AccordionPanel, Widget } from '@lumino/widgets';
import { h } from '../../page/dom';
import { WorkspaceChooser } from './workspace_chooser';
import { flowIcon, heldIcon } from '../icon';
import { divideHeight } from './heights';
import type { PanelStore } from '../store';
import { write } from './rows';
import { BreaksSection } from './sections/breakpoints';
import type { SidebarActions } from './actions';
import { FlowsSection } from './sections/flows';
import { HeldSection } from './sections/held';
import { LogsSection } from './sections/logs';
import { RunnersSection } from './sections/runners';
import { RunsSection, type RunFilter } from './sections/runs';
import type { Section } from './sections/section';
import type { Target } from '../target';

/** State of the sidebar that survives a reload of the page. */
export interface SidebarState {
  filter: RunFilter;
  closed: string[];
  workspace?: string;
}

/** Sections closed at first: both are read rarely, and logs are costly. */
const CLOSED = ['runners', 'logs'];

export class Sidebar extends SidePanel {
  readonly logs: LogsSection;
  private readonly runs: RunsSection;
  private readonly sections: Section[];
  private readonly flow = h('span', { class: 'floe-side-status-flow' });
  private readonly words = h('span', { class: 'floe-side-status-words' });
  private readonly trouble = h('div', { class: 'floe-side-trouble', role: 'status', 'aria-live': 'polite' });
  private readonly chooser: WorkspaceChooser;
  private readonly ends: Array<() => void>;
  /** True if a person set the heights of the sections. */
  private sized = false;
  private fitting = 0;

  constructor(
    private readonly store: PanelStore,
    private readonly target: Target,
    actions: SidebarActions,
    commands: CommandRegistry,
    stateChanged: () => void
  ) {
    super();
    this.id = 'floe-panel';
    this.addClass('floe-sidebar');
    this.title.icon = flowIcon;
    this.node.setAttribute('role', 'complementary');
    this.node.setAttribute('aria-label', 'Flows');
    this.node.tabIndex = -1;
    this.chooser = new WorkspaceChooser(store, actions, stateChanged);
    this.header.addWidget(
      new Widget({
        node: h(
          'div',
          {},
          h('div', { class: 'floe-side-status', role: 'status' }, this.flow, ' ', this.words, this.trouble),
          this.chooser.node
        )
      })
    );
    this.runs = new RunsSection(store, actions, stateChanged);
    this.logs = new LogsSection(store);
    this.sections = [
      new FlowsSection(store, actions),
      this.runs,
      new HeldSection(store, actions),
      new BreaksSection(store, actions, commands),
      new RunnersSection(store),
      this.logs
    ];
    this.addButtons(commands);
    this.sections.forEach(section => this.addWidget(section));
    CLOSED.forEach(name => this.open(name, false));
    const panel = this.content as AccordionPanel;
    panel.expansionToggled.connect(() => {
      stateChanged();
      this.resize();
    });
    panel.handleMoved.connect(() => {
      this.sized = true;
    });
    this.ends = [store.changed.on(part => this.storeChanged(part)), target.changed.on(() => this.showStatus())];
    this.showStatus();
    this.chooser.draw();
  }

  get state(): SidebarState {
    return {
      filter: this.runs.filter,
      closed: this.sections.filter(s => s.isHidden).map(s => s.name),
      workspace: this.store.workspace
    };
  }

  set state({ filter, closed, workspace }: SidebarState) {
    this.store.workspace = workspace ?? '';
    this.chooser.draw();
    this.runs.filter = filter;
    this.sections.forEach(section => this.open(section.name, !closed.includes(section.name)));
  }

  override dispose(): void {
    this.ends.forEach(end => end());
    cancelAnimationFrame(this.fitting);
    super.dispose();
  }

  private open(name: string, on: boolean): void {
    const at = this.sections.findIndex(section => section.name === name);
    const panel = this.content as AccordionPanel;
    on ? panel.expand(at) : panel.collapse(at);
  }

  private storeChanged(part: string): void {
    if (part === 'state') {
      this.showStatus();
    }
    this.chooser.draw();
    this.resize();
  }

  protected override onResize(message: Widget.ResizeMessage): void {
    super.onResize(message);
    this.resize();
  }

  /** Give each section the room that its rows need, until a person moves a border. */
  private resize(): void {
    if (!this.sized && this.isVisible && !this.fitting) {
      this.fitting = requestAnimationFrame(() => {
        this.fitting = 0;
        const panel = this.content as AccordionPanel;
        const needed = this.sections.map(section => (section.isHidden ? 0 : section.needed));
        const room = this.sections.reduce((sum, section) => sum + (section.isHidden ? 0 : section.node.offsetHeight), 0);
        // lists that grow by themselves get the room that no other section needs
        const spare =
          ['logs', 'runs', 'flows'].map(name => this.sections.findIndex(s => s.name === name)).find(at => needed[at] > 0) ?? -1;
        panel.setRelativeSizes(divideHeight(needed, room, spare));
      });
    }
  }

  private addButtons(commands: CommandRegistry): void {
    for (const id of ['floe:continue', 'floe:pause', 'floe:stop', 'floe:step', 'floe:step-back']) {
      const button = new CommandToolbarButton({ commands, id, label: '' });
      button.node.dataset.cmd = id.slice('floe:'.length);
      this.toolbar.addItem(id, button);
    }
  }

  private showStatus(): void {
    const { store, target } = this;
    const { state } = store.connection;
    const there = state === 'open';
    const { paused } = target;
    this.node.dataset.state = there ? (paused ? 'paused' : target.over ? 'idle' : 'active') : state;
    write(this.flow, there && target.run ? target.run.ref : 'Flows');
    write(this.words, there ? target.words : '');
    write(this.trouble, store.problem || TROUBLE[state]?.(store.wasReached) || '');
    this.title.icon = paused ? heldIcon : flowIcon;
    this.title.caption = paused ? `Flows: ${target.run?.ref} is held` : 'Flows';
    this.title.dataset = paused ? { paused: 'true' } : {};
  }
}

/** Text for each state in which the dispatcher cannot be asked. */
const TROUBLE: Record<string, (reached: boolean) => string> = {
  connecting: reached => (reached ? 'The connection was lost; connecting again …' : 'Connecting …'),
  absent: () => 'No dispatcher runs. Run a %%floe cell to start one.',
  unserved: () => 'This Jupyter server does not know floe-jupyter. Install it where the server runs, and restart the server.',
  closed: () => 'The connection was closed.'
};
