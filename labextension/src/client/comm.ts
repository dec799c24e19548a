/**
 * Connection over the kernel's comm, through an anywidget model, for hosts without the server extension (VS Code, Colab).
 *
 * The kernel's half is `floe_jupyter/kernel/display/pages.py`. One comm serves all pages that show the widget, so messages name
 * their page.
 */

import { Channel, type Incoming, type Outgoing } from './connection';

/** Used methods of a widget model. */
export interface Messages {
  send(content: unknown): void;
  on(name: 'msg:custom', handler: (content: unknown) => void): void;
  off(name: 'msg:custom', handler: (content: unknown) => void): void;
}

type FromKernel = (Incoming | { kind: 'hello' }) & { page?: string };

const FIRST_DELAY = 250;
const LONGEST_DELAY = 10_000;

export class CommConnection extends Channel {
  private readonly page = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 10)}`;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private queue: Outgoing[] = [];
  private readonly handler = (content: unknown) => this.message(content as FromKernel);

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
      this.post(message);
    } else if ('id' in message) {
      this.queue.push(message);
    }
  }

  /** Drop the messages not sent yet, since no caller waits any longer. */
  protected override failAll(error: Error): void {
    this.queue = [];
    super.failAll(error);
  }

  /** Greet the kernel until the kernel answers: messages sent before the kernel listens are lost. */
  private hello(delay: number): void {
    this.post({ kind: 'hello' });
    this.timer = setTimeout(() => this.hello(Math.min(LONGEST_DELAY, delay * 2)), delay);
  }

  /** Send a message. The widget of a saved notebook has no kernel; sending then throws or has no effect. */
  private post(message: Outgoing | { kind: 'hello' }): void {
    try {
      this.model.send({ page: this.page, ...message });
    } catch {
      this.setState('connecting');
    }
  }

  private message(content: FromKernel): void {
    if (content.page !== undefined && content.page !== this.page) {
      return;
    }
    if ('kind' in content) {
      clearTimeout(this.timer);
      this.setState('open');
      this.queue.splice(0).forEach(message => this.post(message));
    } else {
      this.receive(content);
    }
  }
}
