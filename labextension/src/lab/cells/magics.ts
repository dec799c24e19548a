/**
 * Line magics of Floe in Python cells: their words (`break`, `continue`, ids) are not Python and must not be coloured as Python.
 */

import { language } from '@codemirror/language';
import { Prec, RangeSetBuilder, type Extension } from '@codemirror/state';
import { Decoration, type DecorationSet, type EditorView, ViewPlugin, type ViewUpdate } from '@codemirror/view';

/** `%floe ...` alone or behind an assignment; a comment behind the magic does not belong to the match. */
const LINE = /^(\s*(?:[\w.,* ]+=\s*)?)(%floe\b(?:[^"'#]|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|(?<=\S)#)*)/;
const MAGIC = Decoration.mark({ class: 'floe-line-magic' });

/** Return start and end of a Floe magic in a line; null if the line has none. */
export function magicOf(line: string): [number, number] | null {
  const found = LINE.exec(line);
  return found && [found[1].length, found[1].length + found[2].trimEnd().length];
}

/** Extension of the editor that marks line magics of Floe. */
export const LINE_MAGICS: Extension = Prec.highest(
  ViewPlugin.fromClass(
    class {
      decorations: DecorationSet;
      constructor(view: EditorView) {
        this.decorations = marks(view);
      }
      update(update: ViewUpdate) {
        if (update.docChanged || update.viewportChanged || update.startState.facet(language) !== update.state.facet(language)) {
          this.decorations = marks(update.view);
        }
      }
    },
    { decorations: plugin => plugin.decorations }
  )
);

function marks(view: EditorView): DecorationSet {
  const builder = new RangeSetBuilder<Decoration>();
  const { doc } = view.state;
  // flow notation and other languages have no line magics, nor has plain text
  if (/python/i.test(view.state.facet(language)?.name ?? '') && !doc.line(1).text.startsWith('%%floe')) {
    for (const { from, to } of view.visibleRanges) {
      for (let at = from; at <= to; ) {
        const line = doc.lineAt(at);
        const found = magicOf(line.text);
        if (found) {
          builder.add(line.from + found[0], line.from + found[1], MAGIC);
        }
        at = line.to + 1;
      }
    }
  }
  return builder.finish();
}
