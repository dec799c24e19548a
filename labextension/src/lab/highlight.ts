/** In `%%floe module NAME --lang js` cells the editor speaks that language, in `%%floe flow` cells the notation of flows. */

import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { Compartment, Prec, RangeSet, type Extension } from '@codemirror/state';
import { Decoration, type EditorView, ViewPlugin, type ViewUpdate } from '@codemirror/view';
import { notation } from './notation';

const MAGIC = /^%%floe\s+(module|flow|run)\b/;
const LANG = /\s--lang[ =]\s*["']?([\w-]+)/;
/** Our names of languages -> those of the editor. */
const NAMES: Record<string, string> = {
  js: 'javascript', lisp: 'common lisp', python: 'ipython', py: 'ipython', r: 'r', shell: 'shell', go: 'go', rust: 'rust'
};

/** What the first line of a cell asks for: the editor's name of a language, `floe`, `json`; null: the notebook's own. */
export function languageOf(line: string): string | null {
  const kind = MAGIC.exec(line)?.[1];
  if (!kind) {
    return null;
  }
  if (kind !== 'module') {
    return kind === 'flow' ? 'floe' : 'json';
  }
  const lang = LANG.exec(line)?.[1] ?? 'python';
  return Object.hasOwn(NAMES, lang) ? NAMES[lang] : lang;
}

/** Whatever the other lines are, the first is none of theirs. */
const firstLine = RangeSet.of([Decoration.line({ class: 'floe-magic' }).range(0)]);

export function highlight(languages: IEditorLanguageRegistry): Extension {
  const slot = new Compartment();
  return [slot.of([]), ViewPlugin.fromClass(class {
    private current: string | null = null;
    constructor(view: EditorView) {
      queueMicrotask(() => void this.sync(view));
    }
    update(update: ViewUpdate) {
      if (update.docChanged) {
        // an editor must not be changed while it updates
        queueMicrotask(() => void this.sync(update.view));
      }
    }
    private async sync(view: EditorView) {
      const wanted = languageOf(view.state.doc.line(1).text);
      if (wanted === this.current) {
        return;
      }
      this.current = wanted;
      const support = wanted === 'floe' ? notation : wanted ? (await languages.getLanguage(wanted))?.support : null;
      if (this.current === wanted) {
        view.dispatch({ effects: slot.reconfigure(wanted ? [support ? Prec.highest(support) : [], MAGIC_LINE] : []) });
      }
    }
  })];
}

const MAGIC_LINE: Extension = ViewPlugin.define(() => ({}), { decorations: () => firstLine });
