/**
 * Syntax colours of cells: the language of a `%%floe module NAME --lang js` cell, the notation of flows in a `%%floe flow` cell.
 */

import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { Compartment, Prec, RangeSet, type Extension } from '@codemirror/state';
import { Decoration, EditorView, ViewPlugin, type ViewUpdate } from '@codemirror/view';
import { LINE_MAGICS } from './magics';
import { notation } from './notation';
import { LANGUAGES } from '../../wire';

const MAGIC = /^%%floe\s+(module|flow|run)\b/;
const LANG = /\s--lang[ =]\s*["']?([\w-]+)/;

/** Return the language that a cell's first line asks for: the editor's name, `floe` or `json`; null for the notebook's own. */
export function languageOf(line: string): string | null {
  const kind = MAGIC.exec(line)?.[1];
  if (!kind) {
    return null;
  }
  if (kind !== 'module') {
    return kind === 'flow' ? 'floe' : 'json';
  }
  const lang = LANG.exec(line)?.[1] ?? 'python';
  return Object.hasOwn(LANGUAGES, lang) ? LANGUAGES[lang].editor : lang;
}

/** Decoration of the first line, which is never in the language of the other lines. */
const firstLine = RangeSet.of([Decoration.line({ class: 'floe-magic' }).range(0)]);

/** Return the extension of the editor that colours a cell by its first line. */
export function highlight(languages: IEditorLanguageRegistry): Extension {
  const slot = new Compartment();
  return [
    slot.of([]),
    LINE_MAGICS,
    ViewPlugin.fromClass(
      class {
        private current: string | null = null;
        constructor(view: EditorView) {
          queueMicrotask(() => void this.sync(view));
        }
        update(update: ViewUpdate) {
          if (update.docChanged) {
            // an editor must not be changed during its update
            queueMicrotask(() => void this.sync(update.view));
          }
        }
        private async sync(view: EditorView) {
          const wanted = languageOf(view.state.doc.line(1).text);
          if (wanted === this.current) {
            return;
          }
          this.current = wanted;
          const support = wanted === 'floe' ? NOTATION : wanted ? (await languages.getLanguage(wanted))?.support : null;
          if (this.current === wanted) {
            view.dispatch({ effects: slot.reconfigure(wanted ? [support ? Prec.highest(support) : [], MAGIC_LINE] : []) });
          }
        }
      }
    )
  ];
}

/** Notation with a CSS class for its colours: the editor's own are too faint for some characters of the notation. */
const NOTATION: Extension = [notation, EditorView.editorAttributes.of({ class: 'floe-notation' })];

const MAGIC_LINE: Extension = ViewPlugin.define(() => ({}), { decorations: () => firstLine });
