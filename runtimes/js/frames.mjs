// Frames between a runner and a runtime: u32 length of the rest, u32 length of the head, the head (JSON), the parts.
// Pure: bytes in, frames out; the same in Node and in a browser. `text` turns bytes into text or throws.

import { parse } from "./json.mjs";

export const FRAME_LIMIT = 64 * 16 * 1024 * 1024 + (1 << 20);
const HEAD_LIMIT = 8 * 1024 * 1024;

/** Error for a frame that breaks the rules; the frame is skipped and counted. */
export class BadFrame extends Error {}

/** Data received from one pipe. `take(bytes, onFrame)` hands over every complete frame; the caller may reuse the bytes
 * afterwards, hence parts to keep must be copied. A frame of an impossible length is skipped by that length. */
export class Unpacker {
  #text;
  #refuse;
  #pending = null; // frame under way: first its prefix, then a buffer of the final size
  #have = 0;
  #skip = 0;

  constructor(text, refuse) {
    this.#text = text;
    this.#refuse = refuse;
  }

  take(bytes, onFrame) {
    let at = 0;
    while (at < bytes.length) {
      if (this.#skip > 0) {
        const some = Math.min(this.#skip, bytes.length - at);
        this.#skip -= some;
        at += some;
      } else if (this.#pending === null && bytes.length - at >= 8) {
        at += this.#direct(bytes, at, onFrame);
      } else at += this.#gather(bytes, at, onFrame);
    }
  }

  /** Read a frame that begins here in place if complete. Return the number of bytes used. */
  #direct(bytes, at, onFrame) {
    const rest = u32(bytes, at);
    if (rest < 4 || rest > FRAME_LIMIT) {
      this.#impossible(rest);
      return 0;
    }
    const end = at + 4 + rest;
    if (end > bytes.length) return this.#gather(bytes, at, onFrame);
    this.#frame(bytes.subarray(at, end), onFrame);
    return 4 + rest;
  }

  #impossible(rest) {
    this.#refuse(`a frame of ${rest} bytes; the limit is ${FRAME_LIMIT} bytes`);
    this.#skip = 4 + rest;
  }

  /** Keep an incomplete frame; return the number of bytes used. */
  #gather(bytes, at, onFrame) {
    if (this.#pending === null) [this.#pending, this.#have] = [new Uint8Array(8), 0];
    const some = bytes.subarray(at, Math.min(bytes.length, at + this.#pending.length - this.#have));
    this.#pending.set(some, this.#have);
    this.#have += some.length;
    if (this.#have === this.#pending.length) this.#filled(onFrame);
    return some.length;
  }

  #filled(onFrame) {
    const bytes = this.#pending;
    const rest = u32(bytes, 0);
    if (bytes.length === 4 + rest) {
      this.#pending = null;
      this.#frame(bytes, onFrame);
    } else if (rest >= 4 && rest <= FRAME_LIMIT) {
      this.#pending = new Uint8Array(4 + rest);
      this.#pending.set(bytes);
    } else {
      this.#pending = null;
      this.#impossible(rest);
      this.take(bytes, onFrame); // bytes behind a frame of fewer than eight bytes
    }
  }

  #frame(bytes, onFrame) {
    let frame;
    try {
      frame = split(bytes, this.#text);
    } catch (error) {
      this.#refuse(error.message);
      return;
    }
    onFrame(frame.head, frame.parts);
  }
}

const u32 = (bytes, at) => (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;

function split(bytes, text) {
  const size = u32(bytes, 4);
  if (size > bytes.length - 8 || size > HEAD_LIMIT) throw new BadFrame(`a head of ${size} bytes in a frame of ${bytes.length}`);
  const head = parse(text(bytes.subarray(8, 8 + size)));
  if (head === null || typeof head !== "object" || Array.isArray(head)) throw new BadFrame("a head that is no object");
  return { head, parts: parts(bytes, 8 + size, head.parts) };
}

function parts(bytes, at, lengths) {
  if (lengths === undefined) lengths = [];
  if (!Array.isArray(lengths)) throw new BadFrame("parts is no array");
  const result = [];
  for (const size of lengths) {
    if (!Number.isInteger(size) || size < 0 || at + size > bytes.length) throw new BadFrame("the parts are longer than the frame");
    result.push(bytes.subarray(at, at + size));
    at += size;
  }
  if (at !== bytes.length) throw new BadFrame(`${bytes.length - at} bytes behind the last part`);
  return result;
}

/** Return the two numbers in front of a frame. */
export function prefix(head, rest) {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 4 + head + rest, true);
  view.setUint32(4, head, true);
  return bytes;
}

// --- required contents of a head ------------------------------------------------------------------------------------------

export function int(object, name, otherwise) {
  const value = object[name] === undefined ? otherwise : object[name];
  if (!Number.isSafeInteger(value) || value < 0) throw new BadFrame(`${name} is no number`);
  return value;
}

export function text(object, name, otherwise) {
  const value = object[name] === undefined ? otherwise : object[name];
  if (typeof value !== "string") throw new BadFrame(`${name} is no text`);
  return value;
}

export function object(head, name, otherwise) {
  const value = head[name] === undefined ? otherwise : head[name];
  if (value === null && otherwise === null) return null;
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new BadFrame(`${name} is no object`);
  return value;
}

export function list(head, name, length) {
  const value = head[name];
  if (value === undefined || value === null) return null;
  if (!Array.isArray(value) || (length !== undefined && value.length !== length)) throw new BadFrame(`${name} is no list of ${length}`);
  return value;
}

/** Return the checked head of a `load`. Throws `BadFrame`. */
export function checkLoad(head) {
  int(head, "slot");
  text(head, "node");
  text(head, "prefix", "");
  object(head, "state", null);
  const module = object(head, "module");
  text(module, "name");
  text(module, "source");
  if (!(list(module, "outputs") ?? []).every((port) => typeof port === "string")) throw new BadFrame("module: the names of ports are texts");
  const place = object(module, "place", {});
  int(place, "cell", 0);
  int(place, "line", 0);
  text(place, "file", "");
  return head;
}
