/** The WebSocket of the Jupyter server: works while a cell is busy, after a kernel restart, and with no kernel at all. */

import { Channel, type Incoming, type Outgoing } from './connection';
import { Pace } from './pace';

const FIRST_DELAY = 250;
const LONGEST_DELAY = 10_000;
/** Where the server has no bridge it is asked again this seldom, in ms: every refusal is a line in two logs. */
const UNSERVED_DELAY = 60_000;

/** The bridge ends the connection on a larger frame (`MAXMSGSIZE` of `floe_jupyter/server/frames.py`), in bytes. */
const LARGEST_FRAME = 16 * 1024 * 1024;

/** What the bridge says of itself, besides answers and events: whether there is a dispatcher behind it, at once and when that
 * changes; and that events were left out because this page was slow. */
type FromBridge = Incoming | { dispatcher: boolean; pid: number | null } | { lost: number };

export class SocketConnection extends Channel {
  /** Events of one topic that are passed on a second; of more, the newest wins. */
  readonly pace = new Pace(event => this.receive(event));
  private socket: WebSocket | null = null;
  private delay = FIRST_DELAY;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private queue: Outgoing[] = [];
  private disposed = false;
  private pid: number | null = null;
  private readonly hurry = () => this.now();

  /** `url` begins with ws: or wss: and carries whatever the server asks for. `served` tells whether this server has a
   * bridge at all; it is asked when the socket could not be opened. */
  constructor(private readonly url: string, private readonly served: () => Promise<boolean> = async () => true) {
    super();
    window.addEventListener('online', this.hurry);
    document.addEventListener('visibilitychange', this.hurry);
    this.open();
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
    window.removeEventListener('online', this.hurry);
    document.removeEventListener('visibilitychange', this.hurry);
    this.pace.dispose();
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

  /** Nobody waits any longer for what was not sent yet. */
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
    socket.onmessage = event => this.hear(JSON.parse(event.data as string) as FromBridge);
    socket.onclose = () => void this.again(opened);
  }

  /** The bridge says which dispatcher is behind it. */
  private behind(pid: number | null): void {
    if (this.state === 'open' && pid !== this.pid) {
      this.setState('absent'); // another one: it knows nothing of what was asked before
    }
    this.pid = pid;
    this.setState(pid === null ? 'absent' : 'open');
    if (this.state === 'open') {
      this.queue.splice(0).forEach(message => this.send(message));
    }
  }

  private hear(message: FromBridge): void {
    if ('dispatcher' in message) {
      this.behind(message.dispatcher ? message.pid ?? 0 : null);
    } else if ('lost' in message) {
      this.announce(); // whoever shows something asks for it again
    } else if ('topic' in message) {
      this.pace.put(message);
    } else {
      this.receive(message);
    }
  }

  private async again(opened: boolean): Promise<void> {
    const there = opened || await this.served().catch(() => true);
    if (this.disposed) {
      return;
    }
    this.setState(there ? 'connecting' : 'unserved');
    this.timer = setTimeout(() => this.open(), there ? this.delay : UNSERVED_DELAY);
    this.delay = Math.min(LONGEST_DELAY, this.delay * 2);
  }

  /** The network is back, or somebody looks: do not wait any longer. */
  private now(): void {
    if (this.socket?.readyState === WebSocket.CLOSED && this.state === 'connecting' && !document.hidden) {
      clearTimeout(this.timer);
      this.open();
    }
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
