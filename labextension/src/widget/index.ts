/** The widget under a cell: the bench, around whichever connection there is. Its kernel half is `floe_jupyter/kernel/widget.py`. */

import type { RenderProps } from '@anywidget/types';
import { Bench } from '../bench/bench';
import { shapeOf } from '../bench/shape';
import type { Messages } from '../client/comm';
import { Deferred } from '../client/deferred';
import type { Flow, Module, View } from '../wire';
import { choose } from './choose';

interface Traits {
  flow: string;
  /** The run; empty: the flow's newest. */
  ref: string;
  instance: string;
  /** The shape, to draw it before anybody answers. */
  definition: { flow: Flow; modules: Module[] } | Record<string, never>;
  /** The last snapshot, so that a saved notebook shows it. */
  view: View | Record<string, never>;
  status: string;
  /** How many messages the run is fed; 0: nobody knows. */
  total: number;
  /** The number of the dispatcher's process. */
  dispatcher: number;
  /** In CSS pixels; in a narrow cell it is as high as its parts. */
  height: number;
}

function render({ model, el }: RenderProps<Traits>): () => void {
  const host = document.createElement('div');
  host.style.setProperty('--floe-height', `${model.get('height') || 420}px`);
  el.append(host);
  const target = { flow: model.get('flow'), instance: model.get('instance'), ref: model.get('ref'), total: model.get('total'), status: model.get('status') };
  // anywidget gives every view a model object of its own, which is deaf once the view is gone
  const connection = new Deferred(choose(model as unknown as Messages, model.get('dispatcher')));
  const bench = new Bench(host, connection, target);
  const definition = model.get('definition');
  if (definition && 'flow' in definition) {
    bench.draw(shapeOf(definition.flow, definition.modules));
  }
  const kept = () => { const view = model.get('view'); if (view && 'nodes' in view) { bench.show(view as View); } };
  kept();
  model.on('change:view', kept);
  return () => { model.off('change:view', kept); bench.dispose(); connection.dispose(); };
}

export default { render };
