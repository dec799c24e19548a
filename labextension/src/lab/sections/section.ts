/** One part of the sidebar. Keeps its part of what is known up to date only while it can be seen. */

import { PanelWithToolbar } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { h } from '../../bench/dom';
import type { Known, Part } from '../known';

export abstract class Section extends PanelWithToolbar {
  protected readonly body = h('div', { class: 'floe-section-body' });
  private ends: Array<() => void> = [];

  /** `name` is its `data-floe-section`. */
  constructor(readonly name: string, title: string, protected readonly known: Known, private readonly parts: Part[]) {
    super();
    this.addClass('floe-section-panel');
    this.title.label = title;
    this.node.dataset.floeSection = name;
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', title);
    this.addWidget(new Widget({ node: this.body }));
    this.toolbar.node.setAttribute('aria-label', `${title} toolbar`);
  }

  /** Show what is known now. */
  protected abstract draw(): void;

  /** What is known of these parts changed. */
  protected concerns(part: string): boolean {
    return part === 'state' || this.parts.includes(part as Part);
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.look();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible) {
      this.look();
    }
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.lookAway();
  }

  protected override onBeforeDetach(message: Message): void {
    super.onBeforeDetach(message);
    this.lookAway();
  }

  /** It can be seen. */
  protected look(): void {
    if (!this.ends.length) {
      this.ends = this.parts.map(part => this.known.want(part));
      this.ends.push(this.known.changed.on(part => { if (this.concerns(part)) { this.draw(); } }));
      this.draw();
    }
  }

  protected lookAway(): void {
    this.ends.splice(0).forEach(end => end());
  }
}
