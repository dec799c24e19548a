// A module's source becomes the body of a function: `export` and `import` are taken out, every line keeps its number.
//
// Why not real ES modules: neither `import()` nor vm.SourceTextModule ever releases a module (measured: 200 KB a version for a
// small module with a table, 200 MB after 1,000 hot updates), while compiled functions are collected. A body is plain text in every
// JavaScript, and works the same in a browser. The difference: imported names are bound once, not live.

import { beginsStatement, tokens } from "./tokens.mjs";

/** Names given to the body: the object for its exports, import(), import.meta. */
export const GIVEN = ["$e", "$imprt", "$importmeta"];

/** Return {body, imports: [{names: [[local, imported]], from}], names: declared at the top level, awaits} of a source text. */
export function transform(source) {
  return new Transformer(source).run();
}

class Transformer {
  #source;
  #tokens;
  #edits = []; // [at, end, text]
  #imports = [];
  #names = new Set();
  #after = []; // statements at the end
  #at = 0;

  constructor(source) {
    this.#source = source;
    this.#tokens = tokens(source);
  }

  run() {
    while (this.#at < this.#tokens.length) {
      const token = this.#tokens[this.#at];
      if (token.kind === "word" && this.#before()?.text !== "." && this.#before()?.text !== "?.") this.#word(token);
      this.#at += 1;
    }
    const names = [...this.#names];
    const list = names.map((name) => `${name}:typeof ${name}==="function"?${name}:undefined`).join(",");
    const body = `"use strict";${this.#edited()}\n;${this.#after.join("")}$e.names={${list}};`;
    return { body, imports: this.#imports, names, shift: '"use strict";'.length, awaits: /\bawait\b/.test(this.#source) };
  }

  #before(steps = 1) {
    return this.#tokens[this.#at - steps];
  }

  #next(steps = 1) {
    return this.#tokens[this.#at + steps] ?? { kind: "end", text: "", at: this.#source.length, depth: 0 };
  }

  #word(token) {
    if (token.text === "import") this.#importing(token);
    else if (token.depth > 0) return;
    else if (token.text === "export" && beginsStatement(this.#before())) this.#exporting(token);
    else if (token.text === "function" && this.#declares()) this.#name(this.#next().text === "*" ? this.#next(2) : this.#next());
    else if (["const", "let", "var"].includes(token.text)) this.#variables();
  }

  #declares() {
    const async = this.#before()?.text === "async";
    return beginsStatement(this.#before(async ? 2 : 1)) || this.#before(async ? 2 : 1)?.text === "export";
  }

  #name(token) {
    if (token.kind !== "word") return;
    this.#names.delete(token.text); // the last declaration counts
    this.#names.add(token.text);
  }

  /** Note the names of `const a = ..., b = ...`, without those in patterns. */
  #variables() {
    this.#name(this.#next());
    const depth = this.#tokens[this.#at].depth;
    for (let i = this.#at + 2; i < this.#tokens.length && this.#tokens[i].text !== ";"; i += 1) {
      const [token, next, then] = this.#tokens.slice(i, i + 3);
      if (token.depth !== depth || token.kind !== "sign") {
        if (token.depth === depth && token.kind === "word" && STATEMENTS.has(token.text)) return;
      } else if (token.text === "," && then?.text === "=" && then.depth === depth) this.#name(next);
    }
  }

  // --- import ---------------------------------------------------------------------------------------------------------------

  #importing(token) {
    const next = this.#next();
    if (next.text === ".") {
      if (this.#next(2).text === "meta") this.#edit(token.at, this.#next(2).at + 4, "$importmeta");
    } else if (next.text === "(") {
      if (!this.#isMethod(next)) this.#edit(token.at, token.at + 6, "$imprt");
    } else if (token.depth === 0 && next.text !== ":" && next.text !== "=") this.#importStatement(token);
  }

  /** Return whether the token begins a method named import: `import(x) {`. */
  #isMethod(open) {
    const close = this.#tokens.findIndex((token) => token.opener === open);
    return close >= 0 && this.#tokens[close + 1]?.text === "{" && this.#tokens[close].depth > 0 && this.#before()?.text !== "(";
  }

  #importStatement(token) {
    const end = this.#tokens.findIndex((one, i) => i > this.#at && one.kind === "string");
    if (end < 0) return;
    const clause = this.#tokens.slice(this.#at + 1, end).map((one) => one.text);
    const from = literal(this.#tokens[end].text);
    const [last, options] = this.#attributes(end);
    this.#imports.push({ names: bindings(clause), from, options });
    this.#blank(token.at, last.at + last.text.length, ";");
    this.#at = this.#tokens.indexOf(last);
  }

  /** Read `with {type: "json"}` behind a module's name; return the last token, and the type. */
  #attributes(end) {
    const [word, brace] = [this.#tokens[end + 1], this.#tokens[end + 2]];
    if (!["with", "assert"].includes(word?.text) || brace?.text !== "{") return [this.#tokens[end], undefined];
    const close = this.#tokens.findIndex((token) => token.opener === brace);
    const value = this.#tokens.slice(end, close).findLast((token) => token.kind === "string");
    return [this.#tokens[close], { [word.text]: { type: literal(value.text) } }];
  }

  // --- export ---------------------------------------------------------------------------------------------------------------

  #exporting(token) {
    const next = this.#next();
    if (next.text === "default") this.#exportDefault(token, next);
    else if (next.text === "{") this.#exportList(token, next);
    else if (next.text === "*") throw new SyntaxError("`export * from` has no meaning in a module of a flow; export one function");
    else this.#blank(token.at, token.at + 6, "");
  }

  #exportDefault(token, word) {
    const end = word.at + 7;
    let i = this.#at + 2;
    if (this.#tokens[i]?.text === "async") i += 1;
    const declared = ["function", "class"].includes(this.#tokens[i]?.text);
    if (declared && this.#tokens[i + 1]?.text === "*") i += 1;
    const name = this.#tokens[i + 1];
    if (declared && name?.kind === "word" && name.text !== "extends") {
      this.#blank(token.at, end, "");
      this.#after.push(`$e.default=${name.text};`);
    } else {
      this.#blank(token.at, end, "$e.default=");
      if (declared) this.#endOf(i);
    }
    this.#at += 1;
  }

  /** Add a semicolon behind the body of an anonymous declaration, which becomes an expression. */
  #endOf(start) {
    const depth = this.#tokens[this.#at].depth;
    const body = this.#tokens.findIndex((token, i) => i > start && token.text === "{" && token.kind === "sign" && token.depth === depth);
    const close = this.#tokens.find((token) => token.opener === this.#tokens[body]);
    if (close) this.#edit(close.at + 1, close.at + 1, ";");
  }

  #exportList(token, brace) {
    const close = this.#tokens.findIndex((one) => one.opener === brace);
    const names = close < 0 ? [] : bindings(this.#tokens.slice(this.#at + 1, close + 1).map((one) => one.text));
    let last = this.#tokens[close] ?? token;
    if (this.#tokens[close + 1]?.text === "from") {
      last = this.#tokens[close + 2];
      this.#imports.push({ names: names.map(([to, name]) => [`$from_${to}`, name]), from: literal(last.text) });
    }
    const own = last === this.#tokens[close] ? "" : "$from_";
    for (const [to, name] of names) if (to === "default") this.#after.push(`$e.default=${own === "" ? name : "$from_default"};`);
    this.#blank(token.at, last.at + last.text.length, ";");
    this.#at = this.#tokens.indexOf(last);
  }

  // --- editing --------------------------------------------------------------------------------------------------------------

  #edit(at, end, text) {
    this.#edits.push([at, end, text]);
  }

  /** Replace a range by text and spaces; line ends stay. */
  #blank(at, end, text) {
    const rest = this.#source.slice(at, end).replace(/[^\n\r]/g, " ");
    this.#edit(at, end, text + rest.slice(Math.min(rest.search(/[\n\r]|$/), text.length)));
  }

  #edited() {
    let [text, at] = ["", 0];
    for (const [start, end, put] of this.#edits.sort((a, b) => a[0] - b[0])) {
      text += this.#source.slice(at, start) + put;
      at = end;
    }
    return text + this.#source.slice(at);
  }
}

const STATEMENTS = new Set(["function", "class", "const", "let", "var", "if", "for", "while", "return", "export", "import", "try", "switch"]);

/** Return the names of `a, {b as c, default as d}` or `* as n`, as token texts: [[local, imported]]; `*` is the whole module. */
function bindings(clause) {
  const names = [];
  let inside = false;
  for (let i = 0; i < clause.length; i += 1) {
    const word = clause[i];
    if (word === "from" && !inside && i === clause.length - 1) break;
    if (word === "{" || word === "}") inside = word === "{";
    else if (word !== ",") {
      const renamed = clause[i + 1] === "as";
      const imported = /^["']/.test(word) ? literal(word) : word;
      names.push([renamed ? clause[i + 2] : word, inside || word === "*" ? imported : "default"]);
      if (renamed) i += 2;
    }
  }
  return names;
}

const literal = (text) => text.slice(1, -1).replace(/\\(.)/g, "$1");
