/** The sidebar: which flow the keys are meant for and how it is, then everything that is known, part by part. */

import { CommandToolbarButton, SidePanel } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import { AccordionPanel, Widget } from '@lumino/widgets';
import { h } from '../bench/dom';
import { flowIcon, heldIcon } from './icon';
import type { Known } from './known';
import { write } from './rows';
import { BreaksSection } from './sections/breaklist';
import type { Deeds } from './sections/deeds';
import { FlowsSection } from './sections/flows';
import { HeldSection } from './sections/heldlist';
import { LogsSection } from './sections/logs';
import { RunnersSection } from './sections/runners';
import { RunsSection, type RunFilter } from './sections/runs';
import type { Section } from './sections/section';
import type { Target } from './target';

/** What outlives a reload of the page. */
export interface SidebarState { filter: RunFilter; closed: string[] }

/** Closed at first: they are read rarely, and logs cost something. */
const CLOSED = ['runners', 'logs'];

export class Sidebar extends SidePanel {
  readonly logs: LogsSection;
  private readonly runs: RunsSection;
  private readonly sections: Section[];
  private readonly flow = h('span', { class: 'floe-side-status-flow' });
  private readonly words = h('span', { class: 'floe-side-status-words' });
  private readonly trouble = h('div', { class: 'floe-side-trouble', role: 'status', 'aria-live': 'polite' });
  private readonly ends: Array<() => void>;

  constructor(private readonly known: Known, private readonly target: Target, deeds: Deeds, commands: CommandRegistry,
    kept: () => void) {
    super();
    this.id = 'floe-panel';
    this.addClass('floe-sidebar');
    this.title.icon = flowIcon;
    this.node.setAttribute('role', 'complementary');
    this.node.setAttribute('aria-label', 'Flows');
    this.node.tabIndex = -1;
    this.header.addWidget(new Widget({ node: h('div', { class: 'floe-side-status', role: 'status' }, this.flow, ' ', this.words, this.trouble) }));
    this.runs = new RunsSection(known, deeds, kept);
    this.logs = new LogsSection(known);
    this.sections = [new FlowsSection(known, deeds), this.runs, new HeldSection(known, deeds), new BreaksSection(known, deeds, commands),
      new RunnersSection(known), this.logs];
    this.addButtons(commands);
    this.sections.forEach(section => this.addWidget(section));
    CLOSED.forEach(name => this.open(name, false));
    (this.content as AccordionPanel).expansionToggled.connect(kept);
    this.ends = [known.changed.on(part => { if (part === 'state') { this.tell(); } }), target.changed.on(() => this.tell())];
    this.tell();
  }

  get state(): SidebarState {
    return { filter: this.runs.filter, closed: this.sections.filter(s => s.isHidden).map(s => s.name) };
  }

  set state({ filter, closed }: SidebarState) {
    this.runs.filter = filter;
    this.sections.forEach(section => this.open(section.name, !closed.includes(section.name)));
  }

  override dispose(): void {
    this.ends.forEach(end => end());
    super.dispose();
  }

  private open(name: string, on: boolean): void {
    const at = this.sections.findIndex(section => section.name === name);
    const panel = this.content as AccordionPanel;
    on ? panel.expand(at) : panel.collapse(at);
  }

  private addButtons(commands: CommandRegistry): void {
    for (const id of ['floe:continue', 'floe:pause', 'floe:stop', 'floe:step', 'floe:step-back']) {
      const button = new CommandToolbarButton({ commands, id, label: '' });
      button.node.dataset.cmd = id.slice('floe:'.length);
      this.toolbar.addItem(id, button);
    }
  }

  private tell(): void {
    const { known, target } = this;
    const { state } = known.connection;
    const there = state === 'open';
    const { paused } = target;
    this.node.dataset.state = there ? paused ? 'paused' : target.over ? 'idle' : 'active' : state;
    write(this.flow, there && target.run ? target.run.ref : 'Flows');
    write(this.words, there ? target.words : '');
    write(this.trouble, known.problem || TROUBLE[state]?.(known.wasReached) || '');
    this.title.icon = paused ? heldIcon : flowIcon;
    this.title.caption = paused ? `Flows: ${target.run?.ref} is held` : 'Flows';
    this.title.dataset = paused ? { paused: 'true' } : {};
  }
}

/** What to do when the dispatcher cannot be asked. */
const TROUBLE: Record<string, (reached: boolean) => string> = {
  connecting: reached => reached ? 'The connection was lost; connecting again …' : 'Connecting …',
  absent: () => 'No dispatcher runs. Run a %%floe cell to start one.',
  unserved: () => 'This Jupyter server does not know floe-jupyter. Install it where the server runs, and restart the server.',
  closed: () => 'The connection was closed.'
};
