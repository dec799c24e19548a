// Shared memory in Node: files in a directory of memory, read and written as a whole, since Node cannot map them.

import fs from "node:fs";

const POOL = 256 * 1024 * 1024; // bytes of freed segments that are kept for the next ones
const NAME = /^[\w.-]{1,200}$/;

export class Segments {
  #directory;
  #name;
  #made = 0;
  #free = []; // names, oldest first
  #sizes = new Map(); // of those that this process made and still exist
  #kept = 0;

  constructor(directory, name) {
    [this.#directory, this.#name] = [directory, name];
  }

  /** The first `size` bytes of a segment. Throws when it is not there, or shorter. */
  read(name, size) {
    const fd = fs.openSync(this.#path(name), "r");
    try {
      if (fs.fstatSync(fd).size < size) throw new Error(`it holds fewer than ${size} bytes`);
      const bytes = Buffer.from(new ArrayBuffer(size)); // by itself, so that arrays stand at multiples of their element's size
      for (let at = 0; at < size;) {
        const some = fs.readSync(fd, bytes, at, size - at, at);
        if (some === 0) throw new Error(`it holds ${at} of ${size} bytes`); // cut meanwhile
        at += some;
      }
      return bytes;
    } finally {
      fs.closeSync(fd);
    }
  }

  /** The name of a segment that holds these bytes now; undefined where there is no room, then they go inline. */
  write(bytes) {
    const name = this.#again(bytes.length) ?? `${this.#name}-${(this.#made += 1)}`;
    let fd;
    try {
      fd = fs.openSync(this.#path(name), fs.constants.O_WRONLY | fs.constants.O_CREAT, 0o600);
      for (let at = 0; at < bytes.length;) at += fs.writeSync(fd, bytes, at, bytes.length - at, at);
    } catch {
      if (fd !== undefined) this.remove([name]);
      return undefined;
    } finally {
      if (fd !== undefined) fs.closeSync(fd);
    }
    this.#sizes.set(name, Math.max(bytes.length, this.#sizes.get(name) ?? 0));
    return name;
  }

  /** A free one that is large enough, and not four times too large: its pages are there already. */
  #again(size) {
    const at = this.#free.findIndex((name) => this.#sizes.get(name) >= size && this.#sizes.get(name) <= 4 * size);
    if (at < 0) return undefined;
    const [name] = this.#free.splice(at, 1);
    this.#kept -= this.#sizes.get(name);
    return name;
  }

  /** These may be written again. Names that this process did not make mean nothing. */
  free(names) {
    for (const name of names) {
      if (!this.#sizes.has(name) || this.#free.includes(name)) continue;
      this.#free.push(name);
      this.#kept += this.#sizes.get(name);
    }
    while (this.#kept > POOL) this.remove([this.#free[0]]);
  }

  /** These are read by somebody still, or too many: unlink them. */
  remove(names) {
    for (const name of names) {
      if (!name.startsWith(`${this.#name}-`)) continue;
      const at = this.#free.indexOf(name);
      if (at >= 0) {
        this.#free.splice(at, 1);
        this.#kept -= this.#sizes.get(name);
      }
      this.#sizes.delete(name);
      try {
        fs.unlinkSync(this.#path(name));
      } catch (error) {
        if (error.code !== "ENOENT") throw error; // gone already: the runner removed it
      }
    }
  }

  /** Nobody hears of the segments any more. */
  close() {
    this.remove([...this.#sizes.keys()]);
  }

  #path(name) {
    if (!NAME.test(name)) throw new Error(`no name of a segment: ${JSON.stringify(name)}`);
    return `${this.#directory}/${name}`;
  }
}
