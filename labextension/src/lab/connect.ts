/** Connection to the bridge of this page's server. */

import { ServerConnection } from '@jupyterlab/services';
import { SocketConnection } from '../client/socket';

/** Open the connection to the bridge. */
export function connect(): SocketConnection {
  const settings = ServerConnection.makeSettings();
  const url = new URL('floe/bridge', settings.wsUrl);
  if (settings.token) {
    url.searchParams.set('token', settings.token);
  }
  const status = new URL('floe/status', settings.baseUrl).href;
  return new SocketConnection(url.href, async () => (await ServerConnection.makeRequest(status, {}, settings)).status !== 404);
}
