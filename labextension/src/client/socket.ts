/** WebSocket of the Jupyter server: works while a cell is busy, after a kernel restart, and without a kernel. */

import { Channel, type Incoming, type Outgoing } from './connection';
import { ViewThrottle } from './throttle';

const FIRST_DELAY = 250;
const LONGEST_DELAY = 10_000;
/** Milliseconds between two attempts on a server without the bridge: each refusal is a line in two logs. */
const UNSERVED_DELAY = 60_000;

/**
 * Bytes of the largest frame; on a larger one the bridge ends the connection (`MAXMSGSIZE` of `floe_jupyter/server/frames.py`).
 */
const LARGEST_FRAME = 16 * 1024 * 1024;

/**
 * Messages of the bridge. Besides answers and events: whether a dispatcher is behind the bridge, at first and on changes; and the
 * number of events left out because this page was slow.
 */
type FromBridge = Incoming | { dispatcher: boolean; pid: number | null } | { lost: number };

export class SocketConnection extends Channel {
  /** Throttle of the events passed on per topic and second; of more, the newest wins. */
  readonly throttle = new ViewThrottle(event => this.receive(event));
  private socket: WebSocket | null = null;
  private delay = FIRST_DELAY;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private queue: Outgoing[] = [];
  private disposed = false;
  private pid: number | null = null;
  private readonly onWake = () => this.openNow();

  /**
   * `url` begins with ws: or wss: and carries all that the server asks for. `served` tells whether this server has a bridge at
   * all, and is called after the socket could not be opened.
   */
  constructor(
    private readonly url: string,
    private readonly served: () => Promise<boolean> = async () => true
  ) {
    super();
    window.addEventListener('online', this.onWake);
    document.addEventListener('visibilitychange', this.onWake);
    this.open();
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
    window.removeEventListener('online', this.onWake);
    document.removeEventListener('visibilitychange', this.onWake);
    this.throttle.dispose();
    this.socket?.close();
    this.setState('closed');
  }

  protected send(message: Outgoing): void {
    if (this.state === 'open') {
      this.write(message);
    } else if ('id' in message) {
      // subscriptions are sent again by `setState`; calls wait for the connection
      this.queue.push(message);
    }
  }

  private write(message: Outgoing): void {
    const text = JSON.stringify(message);
    const size = text.length > LARGEST_FRAME / 3 ? new TextEncoder().encode(text).length : 0;
    if (size > LARGEST_FRAME && 'id' in message) {
      const problem = `a call of ${size} bytes; a page sends at most ${LARGEST_FRAME}: send fewer messages at once, or from a cell`;
      this.receive({ id: message.id, error: ['value', problem] });
    } else {
      this.socket!.send(text);
    }
  }

  /** Drop the messages not sent yet, since no caller waits any longer. */
  protected override failAll(error: Error): void {
    this.queue = [];
    super.failAll(error);
  }

  private open(): void {
    const socket = new WebSocket(this.url);
    this.socket = socket;
    let opened = false;
    socket.onopen = () => {
      opened = true;
      this.delay = FIRST_DELAY;
    };
    socket.onmessage = event => this.handle(JSON.parse(event.data as string) as FromBridge);
    socket.onclose = () => void this.reconnect(opened);
  }

  /** Note which dispatcher is behind the bridge. */
  private setDispatcher(pid: number | null): void {
    if (this.state === 'open' && pid !== this.pid) {
      this.setState('absent'); // another dispatcher knows none of the earlier requests
    }
    this.pid = pid;
    this.setState(pid === null ? 'absent' : 'open');
    if (this.state === 'open') {
      this.queue.splice(0).forEach(message => this.send(message));
    }
  }

  private handle(message: FromBridge): void {
    if ('dispatcher' in message) {
      this.setDispatcher(message.dispatcher ? (message.pid ?? 0) : null);
    } else if ('lost' in message) {
      this.announce(); // views ask for their data again
    } else if ('topic' in message) {
      this.throttle.put(message);
    } else {
      this.receive(message);
    }
  }

  private async reconnect(opened: boolean): Promise<void> {
    const there = opened || (await this.served().catch(() => true));
    if (this.disposed) {
      return;
    }
    this.setState(there ? 'connecting' : 'unserved');
    this.timer = setTimeout(() => this.open(), there ? this.delay : UNSERVED_DELAY);
    this.delay = Math.min(LONGEST_DELAY, this.delay * 2);
  }

  /** Reconnect at once, because the network is back or the page became visible. */
  private openNow(): void {
    if (this.socket?.readyState === WebSocket.CLOSED && this.state === 'connecting' && !document.hidden) {
      clearTimeout(this.timer);
      this.open();
    }
  }
}

/** Return the URL of the bridge in this page; null unless the page names its server (JupyterLab and Notebook 7 do). */
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
