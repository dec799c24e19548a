/** Other runs of the flow: announced in notices, and opened in a tab or in this view. */

import type { GraphView } from '../graph/view';
import { openTab, panelIsThere } from '../page/lab_requests';
import type { RunInfo } from '../wire';
import type { Frame } from './frame';
import type { RunStore, Target } from './store';
import type { Notice, Notices } from './toolbar/notices';

/** Parts of the view that runs are announced and opened with. */
export interface OtherRunsParts {
  readonly host: HTMLElement;
  readonly target: Target;
  readonly store: RunStore;
  readonly graph: GraphView;
  readonly frame: Frame;
  readonly notices: Notices;
}

export class OtherRuns {
  /** Newest run of the flow, if this view does not show it. */
  newest: RunInfo | null = null;

  constructor(private readonly view: OtherRunsParts) {}

  /** Open a tab of JupyterLab with the flow, or with the run shown in this view. */
  openTab(node?: string): void {
    const { host, frame, store, target } = this.view;
    frame.maximise(false);
    const { flow, workspace = '', instance, ref } = target;
    openTab(host, { flow, workspace, instance: ref || instance ? store.flow : '', node });
  }

  announceFork(run: RunInfo, node: string): void {
    this.view.notices.announce({
      text: `Forked as ${run.ref}, held in front of ${node}`,
      links: [{ label: 'open', cmd: 'open-fork', act: () => this.open(run, node) }]
    });
  }

  /** Return the notice about the newest run; null if this view shows a run. */
  newestNotice(): Notice | null {
    const { newest } = this;
    if (!newest || this.view.store.info) {
      return null;
    }
    return {
      text: `Newest run: ${newest.ref}, ${newest.status}`,
      links: [{ label: 'open', cmd: 'open-newest', act: () => this.open(newest, '') }]
    };
  }

  /** Show another run: in a tab if tabs exist, otherwise in this view, with a way back. */
  private open(run: RunInfo, node: string): void {
    const { host, frame, graph, store, notices, target } = this.view;
    const { flow, workspace = '' } = target;
    if (panelIsThere()) {
      frame.maximise(false);
      openTab(host, { flow, workspace, instance: run.instance || run.ref, node });
      return;
    }
    const { info } = store;
    store.switchToRun(run);
    graph.choose(node || null);
    notices.announce(
      info && {
        text: `This is ${run.ref}`,
        links: [{ label: `back to ${info.ref}`, cmd: 'open-former', act: () => this.open(info, node) }]
      }
    );
  }
}
