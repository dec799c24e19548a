/** Connection that is used before its choice is made: calls and subscriptions wait for the choice. */

import type { Calls, Topic } from '../wire';
import { FloeError, type Connection, type Handler, type State } from './connection';

interface Subscription {
  topic: Topic;
  handler: Handler;
  end?: () => void;
}

export class Deferred implements Connection {
  private real: Connection | null = null;
  private over = false;
  private readonly subscriptions = new Set<Subscription>();
  private readonly watchers = new Map<(state: State) => void, () => void>();

  constructor(private readonly choice: Promise<Connection>) {
    void choice.then(real => this.begin(real));
  }

  get state(): State {
    return this.real?.state ?? (this.over ? 'closed' : 'connecting');
  }

  async call<K extends keyof Calls>(name: K, args: Calls[K][0], seconds?: number): Promise<Calls[K][1]> {
    const real = this.real ?? (await this.choice);
    if (this.over) {
      throw new FloeError('gone', 'the connection to the dispatcher was closed');
    }
    return real.call(name, args, seconds);
  }

  subscribe(topic: Topic, handler: Handler): () => void {
    const subscription: Subscription = { topic, handler, end: this.real?.subscribe(topic, handler) };
    this.subscriptions.add(subscription);
    return () => {
      this.subscriptions.delete(subscription);
      subscription.end?.();
    };
  }

  onState(handler: (state: State) => void): () => void {
    this.watchers.set(handler, this.real?.onState(handler) ?? (() => undefined));
    if (!this.real) {
      handler(this.state);
    }
    return () => {
      this.watchers.get(handler)?.();
      this.watchers.delete(handler);
    };
  }

  dispose(): void {
    this.over = true;
    this.subscriptions.clear();
    this.watchers.clear();
    void this.choice.then(real => real.dispose());
  }

  private begin(real: Connection): void {
    if (this.over) {
      return;
    }
    this.real = real;
    this.subscriptions.forEach(subscription => {
      subscription.end = real.subscribe(subscription.topic, subscription.handler);
    });
    for (const handler of [...this.watchers.keys()]) {
      this.watchers.set(handler, real.onState(handler));
    }
  }
}
