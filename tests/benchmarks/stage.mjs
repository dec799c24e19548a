// The minimal stage in JavaScript: decode, touch, encode frames between two pipes.
import fs from 'node:fs';
const [inp, out] = process.argv.slice(2);
const i = fs.openSync(inp, 'r');
const o = fs.openSync(out, 'w');
const chunk = Buffer.allocUnsafe(131072);
let pending = Buffer.alloc(0);
const writeAll = (data) => { for (let at = 0; at < data.length;) at += fs.writeSync(o, data, at); };
for (;;) {
  const n = fs.readSync(i, chunk);
  if (n === 0) break;
  pending = pending.length ? Buffer.concat([pending, chunk.subarray(0, n)]) : Buffer.from(chunk.subarray(0, n));
  let at = 0;
  while (pending.length - at >= 4 && pending.length - at - 4 >= pending.readUInt32LE(at)) {
    const size = pending.readUInt32LE(at);
    const messages = JSON.parse(pending.toString('utf8', at + 4, at + 4 + size));
    for (const m of messages) m.n += 1;
    const body = Buffer.from(JSON.stringify(messages));
    const head = Buffer.allocUnsafe(4);
    head.writeUInt32LE(body.length);
    writeAll(head); writeAll(body);
    at += 4 + size;
  }
  pending = pending.subarray(at);
}
