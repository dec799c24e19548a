// What a user's error says to the user: the cell, the line, V8's own trace, and none of our frames.

const MESSAGE = 1_000;
const TRACE = 32 * 1024;
const UNIT = /\(?floe-unit-(\d+):(\d+)(?::(\d+))?\)?/;

/** Where texts of modules stand, by the number of their unit; the file name of a unit is `floe-unit-<number>`. */
const units = new Map();
const ours = new URL(".", import.meta.url).href;
let folders = [ours, ours.replace("file://", ""), "node:internal", "node:async_hooks", "node:vm"];

export const unitName = (number) => `floe-unit-${number}`;
export const addUnit = (number, module) => units.set(number, placeOf(module));
export const dropUnit = (number) => units.delete(number);

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

/** {message, trace, cell, line} of whatever was thrown. */
export function explain(thrown) {
  const known = isError(thrown);
  const stack = known ? safe(() => String(thrown.stack ?? ""), "") : "";
  const spot = known ? place(stack) : null;
  const message = oneLine(known ? headline(thrown) : `${kindOf(thrown)} was thrown: ${shown(thrown)}`);
  const trace = known ? chain(thrown, new Set()) : message;
  return { message, trace: bounded(trace), cell: spot?.cell ?? 0, line: spot?.line ?? 0 };
}

/** The same for text that does not compile: V8 puts the place and mostly a caret in front of the trace. */
export function explainSyntax(error) {
  const stack = safe(() => String(error.stack ?? ""), "");
  const match = /^floe-unit-(\d+):(\d+)\n(.*)\n([ \t]*)(\^?)/.exec(stack);
  const unit = match && units.get(Number(match[1]));
  if (!unit) return explain(error);
  const last = Math.max(1, unit.lines.findLastIndex((text) => text.trim() !== "") + 1);
  const number = Math.min(Number(match[2]), last); // behind the user's text stands ours, which makes it the body of a function
  const message = oneLine(number < match[2] ? headline(error).replace(ENDED, "Unexpected end of input") : headline(error));
  const [source, line] = [unit.lines[number - 1], unit.line + number];
  const before = number < match[2] || match[5] === "" ? source.replace(/[^\t]/g, " ") : match[4].slice(number === 1 ? ahead(match[3]) : 0);
  const trace = `${unit.name}, line ${line}\n    ${source}\n    ${before}^\n${message}`;
  return { message, trace: bounded(trace), cell: unit.cell, line };
}

const ENDED = /(?:Unexpected |missing \)).*/;
/** How much of ours stands in front of the user's first line. */
const ahead = (shown) => /^(?:return \(async \(\) => \{)?"use strict";/.exec(shown)?.[0].length ?? 0;

const safe = (read, otherwise) => {
  try {
    return read();
  } catch {
    return otherwise; // the user's own getter or toString raises too
  }
};

const isError = (value) => safe(() => value instanceof Error || Object.prototype.toString.call(value) === "[object Error]", false);
const kindOf = (value) => (value === null ? "null" : Array.isArray(value) ? "an array" : `a value of type ${typeof value}`);
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

/** The first place in a user's text. */
function place(stack) {
  for (const line of frames(stack)) {
    const match = UNIT.exec(line);
    const unit = match && units.get(Number(match[1]));
    if (unit) return { cell: unit.cell, line: unit.line + Number(match[2]) };
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

/** The text above the frames, which may have several lines. */
function title(error, stack) {
  const at = stack.search(/\n\s+at /);
  const text = at < 0 ? stack : stack.slice(0, at);
  return text.includes("floe-unit-") || text === "" ? headline(error) : text;
}

const isTheirs = (line) => !folders.some((folder) => line.includes(folder));

function mapped(line) {
  const match = UNIT.exec(line);
  const unit = match && units.get(Number(match[1]));
  if (!unit) return line;
  const where = `${unit.name}, line ${unit.line + Number(match[2])}${match[3] ? `:${match[3]}` : ""}`;
  const text = line.replace(UNIT, match[0].startsWith("(") ? `(${where})` : where);
  return text.replace(/\$e\.default|Object\.<anonymous>/, "default");
}

/** Frames of these places are the machinery's, not the user's. */
export function hide(folder) {
  folders = [...folders, folder];
}
