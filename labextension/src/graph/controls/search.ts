/** Search for nodes by name, in a field over the picture. */

import { press, SEARCH_KEYS, type SearchKey } from './keymap';

/** View in which nodes are searched. */
export interface SearchTarget {
  /** Names of all nodes, in the order of the flow. */
  readonly names: string[];
  /** Mark exactly these nodes as found. */
  mark(found: Set<string>): void;
  /** Select a node, and centre the view on the node. */
  look(name: string): void;
  /** Return the focus to the picture after the search. */
  back(): void;
}

export class Search {
  readonly node = document.createElement('div');
  private readonly field = document.createElement('input');
  private readonly words = document.createElement('span');
  private found: string[] = [];
  private at = -1;

  constructor(private readonly view: SearchTarget) {
    this.node.className = 'floe-find floe-popup';
    this.node.setAttribute('role', 'search');
    this.node.hidden = true;
    Object.assign(this.field, { type: 'search', placeholder: 'Find a node', spellcheck: false });
    this.field.setAttribute('aria-label', 'Name of a node, or a part of it');
    this.field.addEventListener('input', () => this.update());
    this.words.setAttribute('role', 'status');
    this.node.append(
      this.field,
      this.words,
      button('‹', 'Previous (Shift+Enter)', () => this.go(-1)),
      button('›', 'Next (Enter)', () => this.go(1)),
      button('×', 'Close (Esc)', () => this.close())
    );
    this.node.addEventListener('keydown', e =>
      press<SearchKey>(e, SEARCH_KEYS, {
        next: () => e.target === this.field && this.go(1),
        previous: () => this.go(-1),
        close: () => this.close()
      })
    );
  }

  open(): void {
    this.node.hidden = false;
    this.field.focus();
    this.field.select();
    this.update();
  }

  close(): void {
    this.node.hidden = true;
    this.view.mark(new Set());
    this.view.back();
  }

  /** Mark the found nodes again after the picture was redrawn. */
  markAgain(): void {
    if (!this.node.hidden) {
      this.view.mark(new Set(this.found));
    }
  }

  private update(): void {
    const wanted = this.field.value.trim().toLowerCase();
    this.found = wanted ? this.view.names.filter(name => name.toLowerCase().includes(wanted)) : [];
    this.at = -1;
    this.view.mark(new Set(this.found));
    this.showCount(wanted);
  }

  private go(by: 1 | -1): void {
    const { length } = this.found;
    if (length) {
      this.at = this.at < 0 ? (by > 0 ? 0 : length - 1) : (this.at + by + length) % length;
      this.view.look(this.found[this.at]);
      this.showCount('');
      this.field.focus({ preventScroll: true });
    }
  }

  private showCount(wanted: string): void {
    const { length } = this.found;
    this.words.textContent = this.at >= 0 ? `${this.at + 1} of ${length}` : length ? `${length} found` : wanted ? 'none' : '';
  }
}

function button(text: string, words: string, click: () => void): HTMLButtonElement {
  const made = document.createElement('button');
  made.textContent = text;
  made.title = words;
  made.setAttribute('aria-label', words);
  made.addEventListener('click', click);
  return made;
}
