/** News of a run as of now: the first held message, the failure, the results. */

import type { HeldMessage, RunInfo, View } from '../../wire';
import type { Notice } from './notices';

/** Actions of the links in notices. */
export interface NoticeActions {
  /** Look into a message at a node; if both are empty, at the flow as a whole. */
  look(node: string, message: string): void;
}

/** Return the notice about the state of a run; null if the state needs none. */
export function runNotice(view: View | null, info: RunInfo | null, held: HeldMessage[], actions: NoticeActions): Notice | null {
  const status = info?.status;
  const [failure] = info?.failures ?? [];
  if (status === 'failed' && failure) {
    return {
      text: `${failure.node || 'The flow'} failed: ${failure.message.split('\n')[0].slice(0, 120)}`,
      links: [{ label: 'open', cmd: 'open-failure', act: () => actions.look(failure.node, '') }]
    };
  }
  const results = view?.results ?? info?.results ?? 0;
  if (status === 'done' && results) {
    return {
      text: `${results} ${results === 1 ? 'result' : 'results'}`,
      links: [{ label: 'open', cmd: 'open-results', act: () => actions.look('', '') }]
    };
  }
  const [first] = held;
  if (view?.held && first) {
    const where = `${first.side === 'out' ? 'behind' : 'in front of'} ${first.node}`;
    return {
      text: `Held ${where}${first.failure ? `: ${first.failure.message.split('\n')[0].slice(0, 120)}` : ''}`,
      links: [{ label: 'open', cmd: 'open-held', act: () => actions.look(first.node, first.id) }]
    };
  }
  return null;
}
