/** Widget under a cell: the debug view and its connection. The kernel's half is `floe_jupyter/kernel/display/widget.py`. */

import type { RenderProps } from '@anywidget/types';
import { DebugView } from '../debug/debug_view';
import { shapeOf } from '../debug/shape';
import type { Messages } from '../client/comm';
import { Deferred } from '../client/deferred';
import { inWorkspace } from '../client/workspace';
import type { Flow, Module, PageLayout, View } from '../wire';
import { choose } from './choose';

interface Traits {
  flow: string;
  /** Id of the workspace that owns the flow. */
  workspace: string;
  /** Ref of the run; empty: the flow's newest. */
  ref: string;
  instance: string;
  /** Definition, from which the shape is drawn before the dispatcher answers. */
  definition: { flow: Flow; modules: Module[]; layouts: PageLayout[] } | Record<string, never>;
  /** Last snapshot, for a saved notebook to show. */
  view: View | Record<string, never>;
  status: string;
  /** Number of messages fed to the run; 0 if unknown. */
  total: number;
  /** Process id of the dispatcher. */
  dispatcher: number;
  /** Height in CSS pixels; in a narrow cell, the view is as high as its parts. */
  height: number;
}

function render({ model, el }: RenderProps<Traits>): () => void {
  const host = document.createElement('div');
  host.style.setProperty('--floe-height', `${model.get('height') || 420}px`);
  el.append(host);
  const workspace = model.get('workspace') ?? '';
  const target = {
    flow: model.get('flow'),
    workspace,
    still: !model.get('ref') && !model.get('instance'),
    instance: model.get('instance'),
    ref: model.get('ref'),
    total: model.get('total'),
    status: model.get('status')
  };
  // anywidget gives each view a model object of its own, which is deaf once the view is gone
  const connection = new Deferred(choose(model as unknown as Messages, model.get('dispatcher')));
  const debugView = new DebugView(host, inWorkspace(connection, workspace), target);
  const definition = model.get('definition');
  if (definition && 'flow' in definition) {
    debugView.draw(shapeOf(definition.flow, definition.modules), definition.layouts);
  }
  const showSaved = () => {
    const view = model.get('view');
    if (view && 'nodes' in view) {
      debugView.show(view as View);
    }
  };
  showSaved();
  model.on('change:view', showSaved);
  return () => {
    model.off('change:view', showSaved);
    debugView.dispose();
    connection.dispose();
  };
}

export default { render };
