/** The kernel's comm, through the model of an anywidget: where there is no server extension (VS Code, Colab). */

import { Channel, type Incoming, type Outgoing } from './connection';

/** The two methods of a widget model that are needed. */
export interface Messages {
  send(content: unknown): void;
  on(name: 'msg:custom', handler: (content: unknown) => void): void;
  off(name: 'msg:custom', handler: (content: unknown) => void): void;
}

const FIRST_DELAY = 250;
const LONGEST_DELAY = 10_000;

export class CommConnection extends Channel {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private queue: Outgoing[] = [];
  private readonly handler = (content: unknown) => this.message(content as Incoming | { kind: 'hello' });

  constructor(private readonly model: Messages) {
    super();
    model.on('msg:custom', this.handler);
    this.hello(FIRST_DELAY);
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.model.off('msg:custom', this.handler);
    this.setState('closed');
  }

  protected send(message: Outgoing): void {
    if (this.state === 'open') {
      this.model.send(message);
    } else if ('id' in message) {
      this.queue.push(message);
    }
  }

  /** Messages sent before the kernel listens are lost, so this is said until it is answered. */
  private hello(delay: number): void {
    this.model.send({ kind: 'hello' });
    this.timer = setTimeout(() => this.hello(Math.min(LONGEST_DELAY, delay * 2)), delay);
  }

  private message(content: Incoming | { kind: 'hello' }): void {
    if ('kind' in content) {
      clearTimeout(this.timer);
      this.setState('open');
      this.queue.splice(0).forEach(message => this.model.send(message));
    } else {
      this.receive(content);
    }
  }
}
