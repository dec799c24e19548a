/** Choice of a widget's connection: the server's bridge if that leads to the widget's dispatcher, else the kernel's comm. */

import { CommConnection, type Messages } from '../client/comm';
import type { Connection } from '../client/connection';
import { bridgeUrl, SocketConnection } from '../client/socket';

/** Maximum milliseconds for the bridge to find the dispatcher; mostly 1 or 2. */
const PATIENCE = 4_000;

/** Bridge shared by all widgets of the page with the same dispatcher. */
interface Shared {
  found: Promise<SocketConnection | null>;
  users: number;
}
const bridges = new Map<string, Shared>();

/** Return the connection of one view, which the view disposes of. `dispatcher`: process id of the dispatcher. */
export async function choose(model: Messages, dispatcher: number): Promise<Connection> {
  const url = bridgeUrl();
  return (url && dispatcher ? await lease(url, dispatcher) : null) ?? new CommConnection(model);
}

async function lease(url: string, dispatcher: number): Promise<Connection | null> {
  const key = `${dispatcher} ${url}`;
  const shared = bridges.get(key) ?? { found: find(url, dispatcher), users: 0 };
  bridges.set(key, shared);
  shared.users++;
  const bridge = await shared.found;
  const leave = () => {
    if (--shared.users === 0) {
      bridges.delete(key);
      bridge?.dispose();
    }
  };
  if (!bridge) {
    leave(); // the next widget tries again
    return null;
  }
  return {
    get state() {
      return bridge.state;
    },
    call: bridge.call.bind(bridge),
    subscribe: bridge.subscribe.bind(bridge),
    onState: bridge.onState.bind(bridge),
    dispose: leave
  };
}

async function find(url: string, dispatcher: number): Promise<SocketConnection | null> {
  let served = false;
  const bridge = new SocketConnection(url, async () => served);
  if (await leadsTo(bridge, dispatcher)) {
    served = true;
    return bridge;
  }
  bridge.dispose();
  return null;
}

/** Return true if the bridge reaches the dispatcher in time. */
function leadsTo(bridge: SocketConnection, dispatcher: number): Promise<boolean> {
  let end: (() => void) | undefined;
  return new Promise<boolean>(resolve => {
    setTimeout(() => resolve(false), PATIENCE);
    end = bridge.onState(state => {
      if (state === 'open') {
        bridge.call('status', {}, PATIENCE / 1000).then(
          status => resolve((status as { pid?: number }).pid === dispatcher),
          () => resolve(false)
        );
      } else if (state === 'unserved') {
        resolve(false);
      }
    });
  }).finally(() => end?.());
}
