/** State of the run and of the connection, and its texts. */

import type { Connection, State } from '../client/connection';
import { OVER, type View } from '../wire';
import type { RunStore } from './store';
import type { Phase } from './toolbar/toolbar';

/** Return what can be done with the run at present. */
export function phaseOf({ view, info, live, isRun }: RunStore, connection: Connection): Phase {
  return {
    paused: Boolean(view && (view.paused || view.held)),
    over: !view || Boolean(isRun && info && OVER.has(info.status)),
    recorded: view?.recorded ?? 0,
    live: live && connection.state === 'open'
  };
}

/** Reasons why a view is not live, by the state of its connection. */
const NOT_LIVE: Record<State, string> = {
  connecting: 'waiting for the dispatcher',
  absent: 'no dispatcher runs',
  unserved: 'this server has no bridge to the dispatcher',
  closed: 'the connection was closed',
  open: 'this run is not known any more'
};

/** Return why the view is not live. `answered`: true if the dispatcher has answered over this connection. */
export function notLiveText(state: State, answered: boolean): string {
  const cause = state === 'open' && !answered ? 'connecting' : state;
  const cure = cause === 'absent' || cause === 'open' ? '; run the cell to start again' : '';
  return `Not live: ${NOT_LIVE[cause]}. The view shows the last saved state${cure}.`;
}

/** Return the state of the run with its numbers: `held, 2 messages held, 1 result`. */
export function statusText(status: string, view: View | null, live: boolean): string {
  const parts = status === 'saved' || (status === 'held' && view?.held) ? [] : [status];
  if (view?.held) {
    parts.push(`${view.held} ${view.held === 1 ? 'message' : 'messages'} held`);
  }
  if (!live) {
    parts.push('not live');
  }
  if (view) {
    parts.push(`${view.results ?? 0} ${view.results === 1 ? 'result' : 'results'}`);
    const total = (part: 'dropped' | 'unfinished') => view.nodes.reduce((sum, node) => sum + (node[part] ?? 0), 0);
    parts.push(...(['dropped', 'unfinished'] as const).filter(part => total(part)).map(part => `${total(part)} ${part}`));
  }
  return parts.join(', ');
}
