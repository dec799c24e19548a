// The JavaScript runtime in Node: two named pipes around the engine. See runtimes/README.md.
//
// Reading goes through the event loop (a socket on the pipe), to serve timers and requests of asynchronous modules at no cost
// while idle: 9 us a frame on one core, a blocking read 7, fs.read 18. Writing is one plain system call while the pipe has room;
// without room, work stops until the runner has read, and the event loop goes on.

import fs from "node:fs";
import net from "node:net";
import * as node from "./node.mjs";
import { Engine } from "./engine.mjs";
import { prefix } from "./frames.mjs";
import { Segments } from "./segments.mjs";

const READ = 128 * 1024;
const SMALL = 64 * 1024;
const [inPath, outPath, shared] = process.argv.slice(2);
const { performance, setImmediate } = globalThis; // users' code may replace both
const leave = process.reallyExit.bind(process);
const incoming = fs.openSync(inPath, "r");
const outgoing = fs.openSync(outPath, "w");
const segments = new Segments(shared, process.env.FLOE_RUNTIME || `floe-${process.pid}-0`);
const scratch = Buffer.allocUnsafeSlow(SMALL);
const waiting = []; // frames, or rests of frames, without room in the pipe
let draining = false;

function exit() {
  segments.close();
  leave(0);
}

/** Text that becomes bytes only in its frame: no allocation outside the memory that the collector watches anyway. */
class Text {
  constructor(text) {
    this.text = text;
    this.length = Buffer.byteLength(text);
  }
}

const bytes = (text) => (text.length * 3 <= SMALL ? new Text(text) : node.bytes(text));

/** Write a frame of the head's text and the parts. */
function send(head, parts) {
  let rest = 0;
  for (const part of parts) rest += part.length;
  if (head.length * 3 + rest + 8 <= SMALL) write(scratch.subarray(0, gather(head, parts)), true);
  else {
    const text = node.bytes(head);
    write(Buffer.concat([prefix(text.length, rest), text, ...parts.map((part) => (part instanceof Text ? node.bytes(part.text) : part))]), false);
  }
}

/** Build a frame in the scratch buffer; return its length. */
function gather(head, parts) {
  const size = scratch.utf8Write(head, 8);
  let end = 8 + size;
  for (const part of parts) {
    if (part instanceof Text) scratch.utf8Write(part.text, end);
    else scratch.set(part, end);
    end += part.length;
  }
  scratch.writeUInt32LE(end - 4, 0);
  scratch.writeUInt32LE(size, 4);
  return end;
}

function write(bytes, lent) {
  if (draining) {
    waiting.push(lent ? Buffer.from(bytes) : bytes);
    return;
  }
  const sent = some(bytes);
  if (sent === bytes.length) return;
  waiting.unshift(lent ? Buffer.from(bytes.subarray(sent)) : bytes.subarray(sent)); // before the data already waiting
  drain();
}

/** Write as much as the pipe takes at once. */
function some(bytes) {
  let sent = 0;
  try {
    while (sent < bytes.length) sent += fs.writeSync(outgoing, bytes, sent);
  } catch (error) {
    if (error.code === "EPIPE") exit();
    if (error.code !== "EAGAIN") throw error;
  }
  return sent;
}

/** Let the event loop empty the pipe; then the engine goes on. */
function drain() {
  draining = true;
  const bytes = waiting.shift();
  outlet.write(bytes, (error) => {
    if (error) exit();
    draining = false;
    while (waiting.length > 0 && !draining) {
      const next = waiting.shift();
      write(next, false);
    }
    if (!draining) engine.turn();
  });
}

const engine = new Engine({
  send, exit, segments,
  bytes, text: node.text, view: node.view, digest: node.digest, within: node.within,
  compile: node.compile, import: node.importFrom, meta: node.meta,
  now: () => performance.now(),
  soon: () => setImmediate(turn),
  full: () => draining,
});
const turn = () => engine.turn();

const outlet = new net.Socket({ fd: outgoing, readable: false, writable: true });
outlet.on("error", exit);
outlet.unref();
const inlet = new net.Socket({
  fd: incoming, readable: true, writable: false,
  onread: { buffer: Buffer.allocUnsafeSlow(READ), callback: take },
});
inlet.on("end", exit);
inlet.on("error", exit);
inlet.on("close", exit);

function take(size, buffer) {
  engine.take(buffer.subarray(0, size));
  return true;
}

node.settle((slot, error) => engine.stray(slot, error));
engine.hello(process.versions.node, process.pid);
