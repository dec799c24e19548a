/** Which way a widget takes: the server's bridge if that leads to the dispatcher it was made with, else the kernel's comm. */

import { CommConnection, type Messages } from '../client/comm';
import type { Connection } from '../client/connection';
import { bridgeUrl, SocketConnection } from '../client/socket';

/** The bridge gets so long to find the dispatcher, in ms; mostly it takes one or two. */
const PATIENCE = 4_000;

/** One bridge for all widgets of the page that look at one dispatcher. */
interface Shared { found: Promise<SocketConnection | null>; users: number }
const bridges = new Map<string, Shared>();

/** The connection of one view, which disposes of it. `dispatcher`: the number of the dispatcher's process. */
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
    leave(); // the next widget asks again
    return null;
  }
  return { get state() { return bridge.state; }, call: bridge.call.bind(bridge), subscribe: bridge.subscribe.bind(bridge),
    onState: bridge.onState.bind(bridge), dispose: leave };
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

/** Whether it does, soon enough. */
function leadsTo(bridge: SocketConnection, dispatcher: number): Promise<boolean> {
  let end: (() => void) | undefined;
  return new Promise<boolean>(resolve => {
    setTimeout(() => resolve(false), PATIENCE);
    end = bridge.onState(state => {
      if (state === 'open') {
        bridge.call('status', {}, PATIENCE / 1000).then(
          status => resolve((status as { pid?: number }).pid === dispatcher), () => resolve(false));
      } else if (state === 'unserved') {
        resolve(false);
      }
    });
  }).finally(() => end?.());
}
