/**
 * Choice of the workspace shown in the lists of the sidebar, or all; visible if several exist. Also removes unneeded workspaces.
 */

import { deleteIcon } from '@jupyterlab/ui-components';
import { h } from '../bench/dom';
import type { WorkspaceInfo } from '../wire';
import type { Known } from './known';
import type { Deeds } from './sections/deeds';

export class Chooser {
  private readonly select = h('select', { class: 'floe-side-filter', 'data-cmd': 'workspace', 'aria-label': 'Show the flows of', change: () => this.chosen() });
  private readonly trash = h('button', { class: 'floe-side-trash', 'data-cmd': 'remove-workspace', click: () => this.remove() });
  readonly node = h('div', { class: 'floe-side-workspaces' }, this.select, this.trash);
  private shown = '';

  /** `kept` is called when another workspace is chosen. */
  constructor(private readonly known: Known, private readonly deeds: Deeds, private readonly kept: () => void) {
    deleteIcon.element({ container: this.trash, width: '14px', height: '14px' });
  }

  draw(): void {
    const { workspaces, workspace } = this.known;
    const listed = JSON.stringify([workspaces.map(({ workspace: { id, title }, gone }) => [id, title, gone]), workspace]);
    if (listed !== this.shown) {
      this.shown = listed;
      this.select.replaceChildren(option('', 'All notebooks'), ...workspaces.map(w => option(w.workspace.id ?? '', name(w))));
      this.select.value = workspaces.some(w => w.workspace.id === workspace) ? workspace : '';
    }
    this.node.hidden = workspaces.length < 2 && !workspace && !this.unneeded.length;
    const [first] = this.unneeded;
    this.trash.hidden = !first;
    this.trash.title = workspace ? `Remove all flows and runs of ${first && name(first)}` : 'Remove workspaces whose notebook is gone';
    this.trash.setAttribute('aria-label', this.trash.title);
  }

  /** Workspaces to remove: the chosen workspace if unused, or without a choice all unused workspaces whose notebook is gone. */
  private get unneeded(): WorkspaceInfo[] {
    const { workspaces, workspace } = this.known;
    return workspaces.filter(w => !w.clients?.length && !w.active && !w.up?.length && (workspace ? w.workspace.id === workspace : w.gone));
  }

  private chosen(): void {
    this.known.workspace = this.select.value;
    this.draw();
    this.kept();
  }

  private remove(): void {
    const found = this.unneeded;
    this.deeds.attempt(async () => {
      if (await this.deeds.confirm('Remove Workspaces?', `All modules, flows and runs of ${found.map(name).join(', ')} will be removed.`)) {
        await Promise.all(found.map(w => this.known.connection.call('remove_workspace', { workspace: w.workspace.id ?? '' })));
        this.known.workspace = '';
        this.known.refresh();
        this.kept();
      }
    });
  }
}

function name({ workspace: { title, id }, gone }: WorkspaceInfo): string {
  return `${title || id}${gone ? ' (gone)' : ''}`;
}

function option(value: string, text: string): HTMLOptionElement {
  return h('option', { value }, text);
}
