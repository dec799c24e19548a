/** Connection of a view to the dispatcher, over the server's WebSocket (`socket.ts`) or the kernel's comm (`comm.ts`). */

import { matches, type Calls, type Topic } from '../wire';

/** `absent`: the bridge exists, but no dispatcher behind it; `unserved`: this server has no bridge. */
export type State = 'connecting' | 'absent' | 'unserved' | 'open' | 'closed';
export type Handler = (value: unknown, topic: string, sequence: number) => void;

/** Error of the dispatcher; `kind` is its position in the tree of errors. */
export class FloeError extends Error {
  constructor(
    readonly kind: string,
    message: string
  ) {
    super(message);
  }
}

export interface Connection {
  readonly state: State;
  /** Call the dispatcher. Rejects with a `FloeError`; after `seconds` (default 60) with one that names the call waited for. */
  call<K extends keyof Calls>(name: K, args: Calls[K][0], seconds?: number): Promise<Calls[K][1]>;
  /** Subscribe to a topic or, with a slash at the end, to all topics below it. Returns a function that unsubscribes. */
  subscribe(topic: Topic, handler: Handler): () => void;
  onState(handler: (state: State) => void): () => void;
  dispose(): void;
}

/** Reasons why a call has no answer, by state. */
const ENDED: Record<Exclude<State, 'open'>, string> = {
  connecting: 'the connection to the dispatcher ended and is being opened again',
  absent: 'no dispatcher runs; run a %%floe cell to start one',
  unserved:
    'this Jupyter server has no bridge to the dispatcher; install floe-jupyter where the server runs, and restart the server',
  closed: 'the connection to the dispatcher was closed'
};

export type Outgoing = { id: number; call: string; args: unknown } | { subscribe: string } | { unsubscribe: string };
export type Incoming =
  | { id: number | null; value?: unknown; error?: [string, string] | null }
  | { topic: string; sequence: number; value: unknown };

interface Waiting {
  resolve(value: never): void;
  reject(error: Error): void;
  timer: ReturnType<typeof setTimeout>;
}

/** Common part of both connections: numbers requests, and matches answers to callers. */
export abstract class Channel implements Connection {
  private _state: State = 'connecting';
  private next = 1;
  private readonly waiting = new Map<number, Waiting>();
  private readonly handlers = new Map<string, Set<Handler>>();
  private readonly watchers = new Set<(state: State) => void>();
  /** Newest view of each subscribed instance: the dispatcher sends a view only on the first subscription. */
  private readonly views = new Map<string, [unknown, number]>();

  get state(): State {
    return this._state;
  }

  protected abstract send(message: Outgoing): void;
  abstract dispose(): void;

  call<K extends keyof Calls>(name: K, args: Calls[K][0], seconds = 60): Promise<Calls[K][1]> {
    if (this._state === 'absent' || this._state === 'unserved') {
      return Promise.reject(new FloeError('gone', ENDED[this._state]));
    }
    const id = this.next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(new FloeError('silent', `the dispatcher did not answer \`${name}\` within ${seconds} s`));
      }, seconds * 1000);
      this.waiting.set(id, { resolve, reject, timer });
      this.send({ id, call: name, args });
    });
  }

  subscribe(topic: Topic, handler: Handler): () => void {
    const found = this.handlers.get(topic);
    if (found) {
      found.add(handler);
      const newest = this.views.get(topic);
      if (newest) {
        queueMicrotask(() => found.has(handler) && handler(newest[0], topic, newest[1]));
      }
    } else {
      this.handlers.set(topic, new Set([handler]));
      this.send({ subscribe: topic });
    }
    return () => this.removeHandler(topic, handler);
  }

  onState(handler: (state: State) => void): () => void {
    this.watchers.add(handler);
    handler(this._state);
    return () => this.watchers.delete(handler);
  }

  protected setState(state: State): void {
    if (state === this._state) {
      return;
    }
    this._state = state;
    if (state === 'open') {
      for (const topic of this.handlers.keys()) {
        this.send({ subscribe: topic });
      }
    } else {
      this.views.clear();
      this.failAll(new FloeError('gone', ENDED[state]));
    }
    this.announce();
  }

  /** Announce the state, maybe repeatedly: on `open`, views ask for all shown data again. */
  protected announce(): void {
    for (const watcher of this.watchers) {
      watcher(this._state);
    }
  }

  protected receive(message: Incoming): void {
    if ('topic' in message) {
      if (this.handlers.has(message.topic) && message.topic.startsWith('view/')) {
        this.views.set(message.topic, [message.value, message.sequence]);
      }
      for (const [subscription, handlers] of this.handlers) {
        if (matches(subscription, message.topic)) {
          handlers.forEach(handler => handler(message.value, message.topic, message.sequence));
        }
      }
      return;
    }
    const { id } = message;
    const waiting = id === null ? undefined : this.waiting.get(id);
    if (waiting && id !== null) {
      this.waiting.delete(id);
      clearTimeout(waiting.timer);
      if (message.error) {
        waiting.reject(new FloeError(...message.error));
      } else {
        waiting.resolve(message.value as never);
      }
    }
  }

  protected failAll(error: Error): void {
    for (const { reject, timer } of this.waiting.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.waiting.clear();
  }

  private removeHandler(topic: string, handler: Handler): void {
    const found = this.handlers.get(topic);
    if (found?.delete(handler) && !found.size) {
      this.handlers.delete(topic);
      this.views.delete(topic);
      this.send({ unsubscribe: topic });
    }
  }
}
