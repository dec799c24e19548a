/**
 * Choice of the workspace shown in the lists of the sidebar, or all; visible if several exist. Also removes unneeded workspaces.
 */

import { deleteIcon } from '@jupyterlab/ui-components';
import { h } from '../../page/dom';
import type { WorkspaceInfo } from '../../wire';
import type { PanelStore } from '../store';
import type { SidebarActions } from './actions';

export class WorkspaceChooser {
  private readonly select = h('select', {
    class: 'floe-side-filter',
    'data-cmd': 'workspace',
    'aria-label': 'Show the flows of',
    change: () => this.chosen()
  });
  private readonly trash = h('button', { class: 'floe-side-trash', 'data-cmd': 'remove-workspace', click: () => this.remove() });
  readonly node = h('div', { class: 'floe-side-workspaces' }, this.select, this.trash);
  private shown = '';

  /** `stateChanged` is called when another workspace is chosen. */
  constructor(
    private readonly store: PanelStore,
    private readonly actions: SidebarActions,
    private readonly stateChanged: () => void
  ) {
    deleteIcon.element({ container: this.trash, width: '14px', height: '14px' });
  }

  draw(): void {
    const { workspaces, workspace } = this.store;
    const listed = JSON.stringify([workspaces.map(({ workspace: { id, title }, gone }) => [id, title, gone]), workspace]);
    if (listed !== this.shown) {
      this.shown = listed;
      this.select.replaceChildren(option('', 'All notebooks'), ...workspaces.map(w => option(w.workspace.id ?? '', name(w))));
      this.select.value = workspaces.some(w => w.workspace.id === workspace) ? workspace : '';
    }
    this.node.hidden = workspaces.length < 2 && !workspace && !this.unneeded.length;
    const [first] = this.unneeded;
    this.trash.hidden = !first;
    this.trash.title = workspace
      ? `Remove all flows and runs of ${first && name(first)}`
      : 'Remove workspaces whose notebook is gone';
    this.trash.setAttribute('aria-label', this.trash.title);
  }

  /** Workspaces to remove: the chosen workspace if unused, or without a choice all unused workspaces whose notebook is gone. */
  private get unneeded(): WorkspaceInfo[] {
    const { workspaces, workspace } = this.store;
    return workspaces.filter(
      w => !w.clients?.length && !w.active && !w.up?.length && (workspace ? w.workspace.id === workspace : w.gone)
    );
  }

  private chosen(): void {
    this.store.workspace = this.select.value;
    this.draw();
    this.stateChanged();
  }

  private remove(): void {
    const found = this.unneeded;
    this.actions.attempt(async () => {
      if (
        await this.actions.confirm(
          'Remove Workspaces?',
          `All modules, flows and runs of ${found.map(name).join(', ')} will be removed.`
        )
      ) {
        await Promise.all(found.map(w => this.store.connection.call('remove_workspace', { workspace: w.workspace.id ?? '' })));
        this.store.workspace = '';
        this.store.refresh();
        this.stateChanged();
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
