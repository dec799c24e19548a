// Node's part of the engine: compiling and importing, the owner of each output, and no end of the process by users' code.

import { AsyncLocalStorage } from "node:async_hooks";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import vm from "node:vm";
import { isUtf8 } from "node:buffer";
import { ownerOf } from "./trace.mjs";

const current = new AsyncLocalStorage(); // the slot at work, through promises and timers

/** Run `work` on behalf of a slot: its output and its later failures are the slot's. */
export const within = (slot, work) => current.run(slot, work);
export const slotAtWork = () => current.getStore();

/** Return the text of bytes; refuse invalid UTF-8 instead of replacing it. */
export function text(bytes) {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const result = buffer.utf8Slice(0, buffer.length);
  if (result.includes("\ufffd") && !isUtf8(buffer)) throw new Error("bytes that are no UTF-8");
  return result;
}

/** Return 16 hexadecimal digits of the SHA-256 of a text, as the machine makes ids. */
export const digest = (string) => requireHere("node:crypto").createHash("sha256").update(string).digest("hex").slice(0, 16);

export const bytes = (string) => Buffer.from(string, "utf8");
export const view = (array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);

// --- modules --------------------------------------------------------------------------------------------------------------

/** Return a function of the body and the parameters. Throws SyntaxError with the position in the named file. */
export function compile(body, names, filename, shift, awaits) {
  try {
    return vm.compileFunction(body, names, { filename, columnOffset: -shift });
  } catch (error) {
    if (!awaits || !(error instanceof SyntaxError)) throw error;
    return withAwait(body, names, filename, shift, error);
  }
}

/** `await` at the top level needs an asynchronous function around the source. */
function withAwait(body, names, filename, shift, first) {
  const before = "return (async () => {";
  try {
    return vm.compileFunction(`${before}${body}})()`, names, { filename, columnOffset: -shift - before.length });
  } catch (second) {
    throw first.message.startsWith("await is only valid") ? second : first;
  }
}

const folder = process.env.FLOE_ENVIRONMENT || process.cwd();
const base = `${folder}/module.mjs`;
const requireHere = createRequire(base);
let importHere = null;

/** Return an `import()` that resolves as if the module stood in its environment. */
export function importFrom(name, options) {
  importHere ??= makeImport();
  return importHere(String(name), options);
}

function makeImport() {
  const loader = vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  if (loader !== undefined) {
    return new vm.Script("(name, options) => import(name, options)", { filename: base, importModuleDynamically: loader }).runInThisContext();
  }
  return async (name, options) => { // Node 18: the rules of require() find the file, import() reads it
    const path = /^(?:[a-z][a-z\d+.-]+:)/.test(name) ? name : requireHere.resolve(name);
    return import(/^(?:\/|[A-Za-z]:\\)/.test(path) ? pathToFileURL(path).href : path, options);
  };
}

export const meta = {
  url: pathToFileURL(base).href, dirname: folder, filename: base,
  resolve: (name) => {
    const path = requireHere.resolve(name);
    return path.startsWith("/") ? pathToFileURL(path).href : path;
  },
};

// --- output, exits, strays ------------------------------------------------------------------------------------------------

/** Take over output and exits of users' code. `stray(slot, error)` receives failures outside any message. */
export function settle(stray) {
  globalThis.require = requireHere;
  for (const [name, fd] of [["stdout", 1], ["stderr", 2]]) {
    let stream = null;
    Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => (stream ??= makeStream(name, fd)) });
  }
  for (const name of ["exit", "abort", "reallyExit", "chdir"]) process[name] = () => forbidden(name);
  const kill = process.kill;
  process.kill = (pid, signal) => (pid === process.pid && signal !== 0 ? forbidden("kill") : kill.call(process, pid, signal));
  process.on("uncaughtException", (error) => astray(error, stray));
  process.on("unhandledRejection", (error) => astray(error, stray));
}

function forbidden(name) {
  const cure = name === "chdir" ? "use absolute paths" : "return, or throw an error";
  throw new Error(`process.${name}() would ${name === "chdir" ? "move" : "end"} the process that all modules of this environment share; ${cure}`);
}

function astray(error, stray) {
  const slot = slotAtWork() ?? ownerOf(error); // microtasks have no storage when they throw
  if (slot !== undefined) stray(slot, error);
  else makeStream("stderr", 2).write(`${error?.stack ?? error}\n`);
}

const streams = process.getBuiltinModule?.("stream") ?? requireHere("node:stream");
const { writeSync } = process.getBuiltinModule?.("fs") ?? requireHere("node:fs");

/** Return a stream to the log of the slot at work; without a slot, to the process's own. */
function makeStream(name, fd) {
  const stream = new streams.Writable({
    decodeStrings: false,
    write(chunk, encoding, done) {
      const slot = slotAtWork();
      const written = typeof chunk === "string" ? chunk : chunk.toString("utf8");
      if (slot === undefined) own(fd, written);
      else slot.log.write(name, written);
      done();
    },
  });
  return Object.assign(stream, { fd, isTTY: false, columns: 80 });
}

function own(fd, written) {
  try {
    writeSync(fd, written);
  } catch {
    // no reader is left for the process's own output
  }
}
