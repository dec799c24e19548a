/** Commands of the person for the run: the buttons of the toolbar, and clicks on the dots of breakpoints. */

import type { Connection } from '../client/connection';
import type { Side } from '../graph/model';
import type { Actions } from './actions';
import { saveDrafts } from './inspector/drafts';
import type { Selection } from './selection';
import { phaseOf } from './status';
import type { RunStore } from './store';
import type { RunControls } from './toolbar/toolbar';

/** Parts of the view that commands need. */
export interface RunCommandsParts {
  readonly node: HTMLElement;
  readonly connection: Connection;
  readonly store: RunStore;
  readonly actions: Actions;
  readonly selection: Selection;
  /** Run an action, and show its error. */
  attempt(work: () => Promise<unknown>): void;
}

export class RunCommands {
  /** Dot clicked before the dispatcher answered. */
  private earlyClick: [string, Side, string] | null = null;

  constructor(private readonly view: RunCommandsParts) {}

  /** Return the actions of the toolbar. Drafts are saved before messages go on. */
  controls(): RunControls {
    const { view } = this;
    const go = (name: 'resume' | 'pause' | 'step' | 'back') => () => view.attempt(() => view.actions.go(name));
    const saveAndGo = (name: 'resume' | 'step') => () =>
      view.attempt(async () => {
        await saveDrafts(view.node);
        await view.actions.go(name);
      });
    return {
      resume: saveAndGo('resume'),
      pause: go('pause'),
      step: saveAndGo('step'),
      back: go('back'),
      stop: () => view.attempt(() => view.actions.stop())
    };
  }

  /** Set a breakpoint at a port, or remove those that are set; an empty port means any port of the side. */
  async toggle(node: string, side: Side, port: string): Promise<void> {
    const { store, actions, connection, selection } = this.view;
    if (!phaseOf(store, connection).live) {
      this.earlyClick = ['connecting', 'open'].includes(connection.state) ? [node, side, port] : null;
      return;
    }
    const there = store.breaks.filter(b => b.node === node && b.side === side && (!b.port || b.port === port || !port));
    if (there.length) {
      await Promise.all(there.map(b => actions.clearBreak(b.id)));
    } else {
      await actions.setBreak({ node, side, port });
      selection.inspectBreakpoints(node);
    }
  }

  /** Carry out a click that came before the dispatcher answered. */
  repeatEarlyClick(): void {
    const { earlyClick } = this;
    if (earlyClick) {
      this.earlyClick = null;
      this.view.attempt(() => this.toggle(...earlyClick));
    }
  }
}
