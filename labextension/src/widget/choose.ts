/** Which way a widget takes: the server's bridge if that leads to the dispatcher it was made with, else the kernel's comm. */

import { CommConnection, type Messages } from '../client/comm';
import type { Connection } from '../client/connection';
import { bridgeUrl, SocketConnection } from '../client/socket';

/** The bridge gets so long to find the dispatcher, in ms; mostly it takes one or two. */
const PATIENCE = 4_000;

/** `dispatcher`: the number of the dispatcher's process. */
export async function choose(model: Messages, dispatcher: number): Promise<Connection> {
  const url = bridgeUrl();
  if (url && dispatcher) {
    let served = false;
    const bridge = new SocketConnection(url, async () => served);
    if (await leadsTo(bridge, dispatcher)) {
      served = true;
      return bridge;
    }
    bridge.dispose();
  }
  return new CommConnection(model);
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
