/** Section of the sidebar, which keeps its part of the store current only while visible. */

import { PanelWithToolbar } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { h } from '../../../page/dom';
import type { PanelStore, Part } from '../../store';

const LEAST = 76;
const MOST = 600;

export abstract class Section extends PanelWithToolbar {
  protected readonly body = h('div', { class: 'floe-section-body' });
  private ends: Array<() => void> = [];

  /** `name`: the section's `data-floe-section`. */
  constructor(
    readonly name: string,
    title: string,
    protected readonly store: PanelStore,
    private readonly parts: Part[]
  ) {
    super();
    this.addClass('floe-section-panel');
    this.title.label = title;
    this.node.dataset.floeSection = name;
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', title);
    this.addWidget(new Widget({ node: this.body }));
    this.toolbar.node.setAttribute('aria-label', `${title} toolbar`);
  }

  /** Height in pixels that shows the whole section: at least two rows, and small enough to leave room for other sections. */
  get needed(): number {
    return Math.min(Math.max(this.body.scrollHeight, LEAST), MOST);
  }

  /** Draw the present state of the store. */
  protected abstract draw(): void;

  /** Return true if a change of `part` concerns this section. */
  protected concerns(part: string): boolean {
    return part === 'state' || this.parts.includes(part as Part);
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.startUpdates();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible) {
      this.startUpdates();
    }
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.stopUpdates();
  }

  protected override onBeforeDetach(message: Message): void {
    super.onBeforeDetach(message);
    this.stopUpdates();
  }

  /** Start to keep the section current, once visible. */
  protected startUpdates(): void {
    if (!this.ends.length) {
      this.ends = this.parts.map(part => this.store.keepCurrent(part));
      this.ends.push(
        this.store.changed.on(part => {
          if (this.concerns(part)) {
            this.draw();
          }
        })
      );
      this.draw();
    }
  }

  protected stopUpdates(): void {
    this.ends.splice(0).forEach(end => end());
  }
}
