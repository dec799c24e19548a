// Shared memory in Node: files in a memory directory, read and written as a whole, since Node cannot map files.

import fs from "node:fs";

const POOL = 256 * 1024 * 1024; // maximum bytes of freed segments kept for reuse
const NAME = /^[\w.-]{1,200}$/;

export class Segments {
  #directory;
  #name;
  #made = 0;
  #free = []; // names, oldest first
  #sizes = new Map(); // sizes of the segments made by this process and not removed
  #kept = 0;

  constructor(directory, name) {
    [this.#directory, this.#name] = [directory, name];
  }

  /** Return the first `size` bytes of a segment. Throws if the segment is missing or shorter. */
  read(name, size) {
    const fd = fs.openSync(this.#path(name), "r");
    try {
      if (fs.fstatSync(fd).size < size) throw new Error(`it holds fewer than ${size} bytes`);
      const bytes = Buffer.from(new ArrayBuffer(size)); // separate buffers align arrays to multiples of their element's size
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

  /** Return the name of a segment that now holds the bytes; undefined without room, in which case the bytes go inline. */
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

  /** Return a free segment, large enough and at most four times too large: its pages are allocated already. */
  #again(size) {
    const at = this.#free.findIndex((name) => this.#sizes.get(name) >= size && this.#sizes.get(name) <= 4 * size);
    if (at < 0) return undefined;
    const [name] = this.#free.splice(at, 1);
    this.#kept -= this.#sizes.get(name);
    return name;
  }

  /** Free segments for reuse. Names of other processes' segments are ignored. */
  free(names) {
    for (const name of names) {
      if (!this.#sizes.has(name) || this.#free.includes(name)) continue;
      this.#free.push(name);
      this.#kept += this.#sizes.get(name);
    }
    while (this.#kept > POOL) this.remove([this.#free[0]]);
  }

  /** Unlink segments that still have readers, or are too many. */
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
        if (error.code !== "ENOENT") throw error; // the runner removed the file already
      }
    }
  }

  /** Remove all segments; no process hears of them any more. */
  close() {
    this.remove([...this.#sizes.keys()]);
  }

  #path(name) {
    if (!NAME.test(name)) throw new Error(`no name of a segment: ${JSON.stringify(name)}`);
    return `${this.#directory}/${name}`;
  }
}
