// JavaScript text into tokens, as far as needed to find the top level of a module: strings, templates, comments, regular
// expressions and brackets are told apart; all other text is words and signs.

const SPACE = /[\s\uFEFF]+|\/\/[^\n\r\u2028\u2029]*|\/\*[^]*?\*\//y;
const WORD = /[\p{ID_Start}$_#\\][\p{ID_Continue}$\u200c\u200d\\]*/uy;
const NUMBER = /(?:0[xXoObB][\da-fA-F_]+|\d[\d_]*\.?[\d_]*(?:[eE][+-]?\d+)?|\.\d[\d_]*(?:[eE][+-]?\d+)?)n?/y;
const STRING = /"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'/y;
const REGEX = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[\p{ID_Continue}$]*/uy;
const TEMPLATE = /(?:[^`\\$]|\\[^]|\$(?!\{))*(`|\$\{)/y; // from behind ` or } to the end or the next ${
const SIGN = /=>|\.\.\.|\?\.|\+\+|--|[^]/y;

// After these words an expression begins: a slash begins a regular expression and a brace an object.
const BEFORE_VALUE = new Set(["return", "typeof", "case", "do", "else", "in", "instanceof", "new", "void", "delete", "throw", "await",
  "yield", "of", "extends", "default"]);
const CONTROL = new Set(["if", "while", "for", "with"]);

/** Tokens {kind: word | number | string | template | regex | sign, text, at, depth}; `depth` counts the open brackets around. */
export function tokens(source) {
  return new Reader(source).run();
}

class Reader {
  #source;
  #at = 0;
  #result = [];
  #open = []; // {sign, token, control, block}

  constructor(source) {
    this.#source = source;
    if (source.startsWith("#!")) this.#at = Math.max(0, source.indexOf("\n"));
  }

  run() {
    const source = this.#source;
    while (this.#at < source.length) {
      const space = this.#match(SPACE);
      if (space > this.#at) this.#at = space;
      else if (source[this.#at] === "`") this.#template();
      else if (source[this.#at] === "}" && this.#open.at(-1)?.sign === "${") {
        this.#open.pop();
        this.#template();
      } else this.#one();
    }
    return this.#result;
  }

  #match(pattern) {
    pattern.lastIndex = this.#at;
    return pattern.test(this.#source) ? pattern.lastIndex : -1;
  }

  #put(kind, end) {
    this.#result.push({ kind, text: this.#source.slice(this.#at, end), at: this.#at, depth: this.#open.length });
    this.#at = end;
  }

  #one() {
    for (const [kind, pattern] of [["word", WORD], ["number", NUMBER], ["string", STRING]]) {
      const end = this.#match(pattern);
      if (end > this.#at) return this.#put(kind, end);
    }
    if (this.#source[this.#at] === "/" && valueMayBegin(this.#result.at(-1))) {
      const end = this.#match(REGEX);
      if (end > this.#at) return this.#put("regex", end);
    }
    return this.#sign(this.#match(SIGN));
  }

  /** Read from a ` or the } of an expression to the next ${ or the end. */
  #template() {
    TEMPLATE.lastIndex = this.#at + 1;
    const found = TEMPLATE.exec(this.#source);
    this.#put("template", found ? TEMPLATE.lastIndex : this.#source.length);
    if (found && found[1] === "${") this.#open.push({ sign: "${" });
  }

  #sign(end) {
    const text = this.#source.slice(this.#at, end);
    const before = this.#result.at(-1);
    const opened = [")", "]", "}"].includes(text) ? this.#open.pop() : undefined;
    this.#put("sign", end);
    const token = this.#result.at(-1);
    if (opened !== undefined) Object.assign(token, { control: opened.control, block: opened.block, opener: opened.token });
    if (!["(", "[", "{"].includes(text)) return;
    const control = text === "(" && before?.kind === "word" && CONTROL.has(before.text);
    this.#open.push({ sign: text, token, control, block: text === "{" && !valueWanted(before) });
  }
}

/** Return whether a slash here may begin a regular expression. */
function valueMayBegin(before) {
  if (before === undefined) return true;
  if (before.kind === "word") return BEFORE_VALUE.has(before.text);
  if (before.kind !== "sign") return false;
  if (before.text === ")") return before.control === true;
  if (before.text === "}") return before.block === true;
  return !["]", "++", "--"].includes(before.text);
}

/** Return whether a brace here begins an object, not a block. */
function valueWanted(before) {
  if (before === undefined) return false;
  if (before.kind === "word") return BEFORE_VALUE.has(before.text) && !["do", "else"].includes(before.text);
  return before.kind === "sign" && !["}", ")", "]", ";", "{", "=>"].includes(before.text);
}

/** Return whether a word here begins a statement. */
export function beginsStatement(before) {
  if (before === undefined || before.kind !== "sign") return before === undefined || !BEFORE_VALUE.has(before.text) || before.text === "else";
  return ["}", ")", "]", ";", "{", "++", "--"].includes(before.text);
}
