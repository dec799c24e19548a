/** In `%%floe module NAME --lang js` cells the editor speaks that language. */

import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { Compartment, Prec, type Extension } from '@codemirror/state';
import { type EditorView, ViewPlugin, type ViewUpdate } from '@codemirror/view';

const MAGIC = /^%%floe\s+module\b[^\n]*?--lang[ =](\S+)/;
const NAMES: Record<string, string> = { js: 'javascript', lisp: 'common lisp', python: 'ipython', r: 'r', shell: 'shell' };

/** The language that the first line of a cell asks for; null: the notebook's own. */
export function languageOf(line: string): string | null {
  const found = MAGIC.exec(line);
  return found ? NAMES[found[1]] ?? found[1] : null;
}

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
      const found = wanted ? await languages.getLanguage(wanted) : null;
      if (this.current === wanted) {
        view.dispatch({ effects: slot.reconfigure(found?.support ? Prec.highest(found.support) : []) });
      }
    }
  })];
}
