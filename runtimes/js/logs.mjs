// Output printed by modules becomes log frames of their slot, bounded: a flood costs neither memory nor the runner's time.
// Lines are sent or left out whole; only a line over LINE is cut.

const RATE = 256 * 1024; // maximum characters that a slot may log per second, and at once
const LINE = 64 * 1024; // maximum of a line; after a gap as much must be free: otherwise every other line would be a gap
const FULL = 32 * 1024; // characters sent although the function is still at work

/** Unsent text of a slot. `send(stream, text, cut)` writes the frame. */
export class Log {
  #pieces = [];
  #size = 0;
  #stream = "stdout";
  #cut = 0; // left out in front of the pieces
  #line = 0; // characters of the line under way; LINE: leave out the rest
  #gap = false;
  #left = RATE;
  #at;
  #send;
  #now;
  #due;

  constructor(send, now, due) {
    [this.#send, this.#now, this.#due] = [send, now, due];
    this.#at = now();
  }

  /** Take as many lines of the text as the bounds allow; count the rest. */
  write(stream, text) {
    if (stream !== this.#stream) {
      this.flush();
      [this.#stream, this.#line] = [stream, 0];
    }
    this.#refill();
    this.#take(text);
    if (this.#size > FULL) this.flush();
    else this.#due(this);
  }

  #refill() {
    const now = this.#now();
    this.#left = Math.min(RATE, this.#left + ((now - this.#at) * RATE) / 1000);
    this.#at = now;
    this.#gap = this.#gap && this.#left < LINE;
  }

  #take(text) {
    if (!this.#gap && text.length <= Math.min(this.#left, LINE - this.#line)) {
      this.#keep(text);
      const last = text.lastIndexOf("\n");
      this.#line = last < 0 ? this.#line + text.length : text.length - last - 1;
      return;
    }
    let at = 0;
    while (at < text.length && !this.#gap) {
      const end = text.indexOf("\n", at) + 1 || text.length;
      this.#writeLine(text, at, end);
      at = end;
    }
    if (at === text.length) return;
    this.#drop(text.length - at);
    this.#line = text.endsWith("\n") ? 0 : LINE;
  }

  /** Take a line, or its next part: a begun line is taken to its end. */
  #writeLine(text, at, end) {
    let kept = Math.min(end, at + LINE - this.#line);
    if (kept < end && kept > at && text.charCodeAt(kept) >> 10 === 0x37) kept -= 1; // not inside a character
    this.#keep(text.slice(at, kept));
    this.#drop(end - kept);
    if (text[end - 1] === "\n") [this.#line, this.#gap] = [0, this.#left <= 0];
    else this.#line = kept === end ? this.#line + end - at : LINE;
  }

  #keep(text) {
    if (text === "") return;
    this.#pieces.push(text);
    this.#size += text.length;
    this.#left -= text.length;
  }

  #drop(count) {
    if (count > 0 && this.#size > 0) this.flush();
    this.#cut += count;
  }

  /** Send the kept text. */
  flush() {
    if (this.#size === 0 && this.#cut === 0) return;
    const [text, cut] = [this.#pieces.join(""), this.#cut];
    [this.#pieces, this.#size, this.#cut] = [[], 0, 0];
    this.#send(this.#stream, text, cut);
  }
}
