/** The widget under a cell: the bench, around whichever connection there is. */

import type { AnyModel, RenderProps } from '@anywidget/types';
import { Bench } from '../bench/bench';
import { CommConnection } from '../client/comm';
import type { Connection } from '../client/connection';
import { bridgeUrl, SocketConnection } from '../client/socket';
import type { Shape } from '../graph/model';
import type { View } from '../wire';

interface Traits {
  flow: string;
  instance: string;
  shape: Shape;
  /** The last snapshot, so that a saved notebook shows it. */
  view: View | Record<string, never>;
  /** The name of the dispatcher's connection file in the server's runtime directory; empty: use the comm. */
  bridge: string;
  height: number;
}

const connections = new WeakMap<AnyModel<Traits>, Connection>();

/** One connection a model, however many views it has. */
function connect(model: AnyModel<Traits>): Connection {
  const found = connections.get(model);
  if (found) {
    return found;
  }
  const url = model.get('bridge') ? bridgeUrl() : null;
  const made = url ? new SocketConnection(url) : new CommConnection(model as never);
  connections.set(model, made);
  return made;
}

function render({ model, el }: RenderProps<Traits>): () => void {
  const host = document.createElement('div');
  host.style.height = `${model.get('height')}px`;
  el.append(host);
  const bench = new Bench(host, connect(model), { flow: model.get('flow'), instance: model.get('instance') });
  bench.draw(model.get('shape'));
  const kept = () => { const view = model.get('view'); if ('nodes' in view) { bench.show(view as View); } };
  kept();
  model.on('change:view', kept);
  return () => { model.off('change:view', kept); bench.dispose(); };
}

function initialize({ model }: { model: AnyModel<Traits> }): () => void {
  return () => { connections.get(model)?.dispose(); connections.delete(model); };
}

export default { initialize, render };
