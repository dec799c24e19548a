/** Selection of the person in the view: a node or a wire, a held message, or a recorded step. */

import type { Shape } from '../graph/model';
import type { GraphView } from '../graph/view';
import type { Record as Step } from '../wire';
import type { InspectorFold } from './inspector/fold';
import type { Inspector } from './inspector/inspector';
import { wiresOf } from './inspector/last_values';
import type { RunStore } from './store';

/** Parts of the view that follow the selection. */
export interface SelectionParts {
  readonly store: RunStore;
  readonly graph: GraphView;
  readonly inspector: Inspector;
  readonly fold: InspectorFold;
  readonly shape: Shape;
  redraw(): void;
}

export class Selection {
  node: string | null = null;
  wire = '';
  /** Held message to show first; '' for the first of the node. */
  message = '';
  step: Step | null = null;

  constructor(private readonly view: SelectionParts) {}

  select(node: string | null): void {
    this.wire = '';
    this.node = this.view.store.node = node;
    this.view.fold.select(node !== null);
    this.step = null;
    this.requestValues('');
    this.view.redraw();
  }

  selectWire(name: string): void {
    this.wire = name;
    this.requestValues('');
    this.view.fold.showNow();
    this.view.redraw();
  }

  /** Select a recorded step and its node; null returns to the present state. */
  selectStep(step: Step | null): void {
    this.step = step;
    if (step) {
      this.view.graph.select(step.node);
      this.node = step.node;
      this.view.fold.select(true);
    }
    this.view.redraw();
  }

  /** Select a node, and focus its inspector. */
  open(node: string): void {
    this.view.graph.choose(node);
    this.focusInspector();
  }

  focusInspector(): void {
    this.view.fold.showNow();
    this.view.inspector.node.focus();
  }

  /** Open the inspector on a node, with this message first; '' for the first message. */
  inspect(message: string, node: string): void {
    const { store, graph, inspector, fold } = this.view;
    this.message = message;
    store.message = message && `${message}@${node}`;
    graph.choose(node || null);
    fold.showNow();
    if (message) {
      inspector.reveal('held', message);
    }
  }

  /** Inspect a node and a message because the person asked; if both are empty, the outcome of the flow as a whole. */
  inspectFromTop(message: string, node: string): void {
    const { inspector } = this.view;
    this.step = null;
    inspector.node.scrollTop = 0;
    this.inspect(message, node);
    inspector.node.focus({ preventScroll: true });
  }

  /** Open the inspector on the breakpoints of a node. */
  inspectBreakpoints(node: string): void {
    this.view.graph.choose(node);
    this.view.fold.showNow();
    this.view.inspector.reveal('breaks');
  }

  /** Ask for the last values of the selection and of the wire under the pointer. */
  requestValues(pointed: string): void {
    const { store, shape } = this.view;
    const wires = wiresOf(shape, this.node, this.wire).map(w => w.name);
    store.wires = [...new Set([...wires, ...(pointed ? [pointed] : [])])];
    store.refresh();
  }
}
