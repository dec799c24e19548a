/** The WebSocket of the Jupyter server: works while a cell is busy, after a kernel restart, and with no kernel at all. */

import { Channel, type Incoming, type Outgoing } from './connection';

const FIRST_DELAY = 250;
const LONGEST_DELAY = 10_000;

export class SocketConnection extends Channel {
  private socket: WebSocket | null = null;
  private delay = FIRST_DELAY;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private queue: Outgoing[] = [];
  private disposed = false;

  /** `url` begins with ws: or wss: and carries whatever the server asks for. */
  constructor(private readonly url: string) {
    super();
    this.open();
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
    this.socket?.close();
    this.setState('closed');
  }

  protected send(message: Outgoing): void {
    if (this.state === 'open') {
      this.socket!.send(JSON.stringify(message));
    } else if ('id' in message) {
      // subscriptions are sent again by `setState`; calls wait for the connection
      this.queue.push(message);
    }
  }

  private open(): void {
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.onopen = () => {
      this.delay = FIRST_DELAY;
      this.setState('open');
      this.queue.splice(0).forEach(message => this.send(message));
    };
    socket.onmessage = event => this.receive(JSON.parse(event.data as string) as Incoming);
    socket.onclose = () => this.again();
  }

  private again(): void {
    if (this.disposed) {
      return;
    }
    this.setState('connecting');
    this.timer = setTimeout(() => this.open(), this.delay);
    this.delay = Math.min(LONGEST_DELAY, this.delay * 2);
  }
}

/** The URL of the bridge in this page, if the page says where its server is (JupyterLab and Notebook 7 do). */
export function bridgeUrl(): string | null {
  const data = document.getElementById('jupyter-config-data')?.textContent;
  if (!data) {
    return null;
  }
  const config = JSON.parse(data) as { baseUrl?: string; wsUrl?: string; token?: string };
  const base = new URL(config.wsUrl || config.baseUrl || '/', location.href);
  base.protocol = base.protocol.replace('http', 'ws');
  const url = new URL('floe/bridge', base.href.endsWith('/') ? base : `${base.href}/`);
  if (config.token) {
    url.searchParams.set('token', config.token);
  }
  return url.href;
}
