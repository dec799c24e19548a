// Failure reports of users' errors: the cell, the line, V8's own trace, and no frame of the runtime.

const MESSAGE = 1_000;
const TRACE = 32 * 1024;
const UNIT = /\(?floe-unit-(\d+):(\d+)(?::(\d+))?\)?/;

/** Positions of modules' texts, by the number of their unit; the file name of a unit is `floe-unit-<number>`. */
const units = new Map();
const gone = new Map(); // units of the modules unloaded last, without their text
const GONE = 1_000;
const ours = new URL(".", import.meta.url).href;
let folders = [ours, ours.replace("file://", ""), "node:internal", "node:async_hooks", "node:vm"];

export const unitName = (number) => `floe-unit-${number}`;
export const addUnit = (number, slot) => units.set(number, { ...placeOf(slot.module), owner: slot });

/** Forget the text of an unloaded module; a timer of it may still throw. */
export function dropUnit(number) {
  const unit = units.get(number);
  if (unit === undefined) return;
  const { log, module: { name } } = unit.owner;
  gone.set(number, { ...unit, lines: [], owner: { log, module: { name }, gone: true, underWay: null } });
  units.delete(number);
  if (gone.size > GONE) gone.delete(gone.keys().next().value);
}

const unitOf = (match) => match && (units.get(Number(match[1])) ?? gone.get(Number(match[1])));

function placeOf(module) {
  const place = module.place ?? {};
  const cell = Number.isSafeInteger(place.cell) ? place.cell : 0;
  const file = typeof place.file === "string" ? place.file : "";
  return {
    cell,
    line: Number.isSafeInteger(place.line) ? place.line : 0,
    name: cell > 0 ? `Cell In[${cell}]` : file || `module ${module.name}`,
    lines: module.source.split("\n"),
  };
}

/** Return the slot whose text threw the error, or the rest of an unloaded slot; undefined without a module's line. */
export function ownerOf(thrown) {
  return isError(thrown) ? place(safe(() => String(thrown.stack ?? ""), ""))?.owner : undefined;
}

/** Return {message, trace, cell, line} of any thrown value. */
export function explain(thrown) {
  const known = isError(thrown);
  const stack = known ? safe(() => String(thrown.stack ?? ""), "") : "";
  const spot = known ? place(stack) : null;
  const message = oneLine(known ? headline(thrown) : `${kindOf(thrown)} was thrown: ${shown(thrown)}`);
  const trace = known ? chain(thrown, new Set()) : message;
  return { message, trace: bounded(trace), cell: spot?.cell ?? 0, line: spot?.line ?? 0, where: spot ? `${spot.name}, line ${spot.line}` : "" };
}

/** Return the same for text that does not compile: V8 puts the position and mostly a caret in front of the trace. */
export function explainSyntax(error) {
  const stack = safe(() => String(error.stack ?? ""), "");
  const match = /^floe-unit-(\d+):(\d+)\n(.*)\n([ \t]*)(\^?)/.exec(stack);
  const unit = match && units.get(Number(match[1]));
  if (!unit) return explain(error);
  const last = Math.max(1, unit.lines.findLastIndex((text) => text.trim() !== "") + 1);
  const number = Math.min(Number(match[2]), last); // behind the user's text stands the runtime's, which makes a function's body
  const message = oneLine(number < match[2] ? headline(error).replace(ENDED, "Unexpected end of input") : headline(error));
  const [source, line] = [unit.lines[number - 1], unit.line + number];
  const before = number < match[2] || match[5] === "" ? source.replace(/[^\t]/g, " ") : match[4].slice(number === 1 ? ahead(match[3]) : 0);
  const trace = `${unit.name}, line ${line}\n    ${source}\n    ${before}^\n${message}`;
  return { message, trace: bounded(trace), cell: unit.cell, line };
}

const ENDED = /(?:Unexpected |missing \)).*/;
/** Return the length of the runtime's text in front of the user's first line. */
const ahead = (shown) => /^(?:return \(async \(\) => \{)?"use strict";/.exec(shown)?.[0].length ?? 0;

const safe = (read, otherwise) => {
  try {
    return read();
  } catch {
    return otherwise; // the user's own getter or toString raises too
  }
};

const isError = (value) => safe(() => value instanceof Error || Object.prototype.toString.call(value) === "[object Error]", false);
const kindOf = (value) => (value === null ? "null" : safe(() => Array.isArray(value), false) ? "an array" : `a value of type ${typeof value}`);
const oneLine = (text) => text.trim().split("\n", 1)[0].slice(0, MESSAGE);
const bounded = (text) => (text.length <= TRACE ? text : `${text.slice(0, TRACE / 2)}\n  ...\n${text.slice(-TRACE / 2)}`);

function shown(value) {
  return safe(() => {
    const text = typeof value === "object" && value !== null ? JSON.stringify(value) : undefined;
    return text ?? String(value);
  }, "(its text cannot be shown)");
}

function headline(error) {
  const name = safe(() => String(error.name || "Error"), "Error");
  const text = safe(() => String(error.message ?? ""), "(its message cannot be read)");
  return text === "" ? name : `${name}: ${text}`;
}

/** Return the first position in a user's text. */
function place(stack) {
  for (const line of frames(stack)) {
    const match = UNIT.exec(line);
    const unit = unitOf(match);
    if (unit) return { ...unit, line: unit.line + Number(match[2]) };
  }
  return null;
}

const frames = (stack) => stack.split("\n").filter((line) => /^\s+at /.test(line));

function chain(error, seen) {
  if (seen.has(error) || seen.size > 10) return "";
  seen.add(error);
  const stack = safe(() => String(error.stack ?? ""), "");
  const parts = [safe(() => title(error, stack), headline(error)), ...frames(stack).filter(isTheirs).map(mapped)];
  const cause = safe(() => error.cause, undefined);
  if (cause !== undefined) parts.push(`Caused by: ${isError(cause) ? chain(cause, seen) : shown(cause)}`);
  const inner = safe(() => error.errors, undefined);
  if (Array.isArray(inner)) for (const one of inner.slice(0, 5)) parts.push(`  - ${isError(one) ? chain(one, seen) : shown(one)}`);
  return parts.join("\n");
}

/** Return the text above the frames, which may have several lines. */
function title(error, stack) {
  const at = stack.search(/\n\s+at /);
  const text = at < 0 ? stack : stack.slice(0, at);
  return text.includes("floe-unit-") || text === "" ? headline(error) : text;
}

const isTheirs = (line) => !folders.some((folder) => line.includes(folder));

function mapped(line) {
  const match = UNIT.exec(line);
  const unit = unitOf(match);
  if (!unit) return line;
  const where = `${unit.name}, line ${unit.line + Number(match[2])}${match[3] ? `:${match[3]}` : ""}`;
  const text = line.replace(UNIT, match[0].startsWith("(") ? `(${where})` : where);
  return text.replace(/\$e\.default|Object\.<anonymous>/, "default");
}

/** Count the frames of a folder as the runtime's, not the user's. */
export function hide(folder) {
  folders = [...folders, folder];
}
