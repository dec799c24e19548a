// What a module prints becomes log frames of its slot, bounded: a flood costs neither memory nor the runner's time.

const RATE = 256 * 1024; // characters a second that a slot may log; as many may come at once
const LINE = 64 * 1024;
const FULL = 32 * 1024; // so much is sent although the function is still at work

/** The text of one slot that was not sent yet. `send(stream, text, cut)` writes the frame. */
export class Log {
  #pieces = [];
  #size = 0;
  #stream = "stdout";
  #cut = 0;
  #line = 0; // characters of the line under way
  #left = RATE;
  #at;
  #send;
  #now;
  #due;

  constructor(send, now, due) {
    [this.#send, this.#now, this.#due] = [send, now, due];
    this.#at = now();
  }

  /** Take as much of the text as the bounds allow; count the rest. */
  write(stream, text) {
    if (stream !== this.#stream) {
      this.flush();
      [this.#stream, this.#line] = [stream, 0];
    }
    const kept = this.#bounded(text);
    this.#cut += text.length - kept.length;
    this.#left -= kept.length;
    this.#size += kept.length;
    if (kept !== "") this.#pieces.push(kept);
    if (this.#size > FULL) this.flush();
    else this.#due(this);
  }

  #bounded(text) {
    const now = this.#now();
    this.#left = Math.min(RATE, this.#left + Math.floor(((now - this.#at) * RATE) / 1000));
    this.#at = now;
    const some = text.length <= this.#left ? text : text.slice(0, Math.max(0, this.#left));
    if (some.length + this.#line <= LINE) {
      const last = some.lastIndexOf("\n");
      this.#line = last < 0 ? this.#line + some.length : some.length - last - 1;
      return some;
    }
    return some.split("\n").map((line, i) => this.#cutLine(line, i)).join("\n");
  }

  #cutLine(line, i) {
    if (i > 0) this.#line = 0;
    const kept = line.slice(0, LINE - this.#line);
    this.#line += kept.length;
    return kept;
  }

  /** Send what there is. */
  flush() {
    if (this.#size === 0 && this.#cut === 0) return;
    const [text, cut] = [this.#pieces.join(""), this.#cut];
    [this.#pieces, this.#size, this.#cut] = [[], 0, 0];
    this.#send(this.#stream, text, cut);
  }
}
