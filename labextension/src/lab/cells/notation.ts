/** Colours of the notation of flows (`a -> b, c`, `n = module(option=value)`). */

import { LanguageSupport, StreamLanguage } from '@codemirror/language';

interface State {
  options: number;
  named: boolean;
}

const WORDS =
  /^(?:each|all|any|fail|hold|retry|skip|true|false|timer|http|poll|git|form|end|exec|fetch|sleep|webhook|file|redis|zmq)\b/;

/** Language support of the notation, for the editor. */
export const notation = new LanguageSupport(
  StreamLanguage.define<State>({
    name: 'floe',
    languageData: { commentTokens: { line: '#' } },
    startState: () => ({ options: 0, named: false }),
    token(stream, state) {
      if (stream.sol()) {
        state.named = false;
        if (stream.match(/^%%floe\b/)) {
          stream.skipToEnd();
          return 'meta';
        }
      }
      if (stream.eatSpace()) {
        return null;
      }
      if (stream.match(/^#.*/)) {
        return 'comment';
      }
      if (stream.match(/^"(?:[^"\\]|\\.)*"?/) || stream.match(/^'(?:[^'\\]|\\.)*'?/)) {
        return 'string';
      }
      if (stream.match(/^->|^[=,]/)) {
        return 'operator';
      }
      if (stream.match(/^\d+(?:\.\d+)?(?:ms|s|m|h|d|[KMG]i?B?)?\b/)) {
        return 'number';
      }
      if (stream.match(/^[([]/)) {
        state.options += 1;
        return 'bracket';
      }
      if (stream.match(/^[)\]]/)) {
        state.options = Math.max(0, state.options - 1);
        return 'bracket';
      }
      if (stream.match(/^\.[a-z_][\w-]*/i)) {
        return 'propertyName';
      }
      if (stream.match(/^[a-z_][\w]*(?=\s*=)/i)) {
        return state.options ? 'attributeName' : 'variableName.definition';
      }
      if (stream.match(WORDS)) {
        return 'keyword';
      }
      if (stream.match(/^[a-z_](?:[\w]|-(?!>))*/i)) {
        return 'variableName';
      }
      stream.next();
      return null;
    }
  })
);
