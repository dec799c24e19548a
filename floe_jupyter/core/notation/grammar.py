"""The grammar of the flow notation, for lark (LALR, contextual lexer).

A line end matters only between statements: inside parentheses a line end is white space.
"""

from __future__ import annotations

GRAMMAR = r"""
start: _statement? (_NL _statement?)*
_statement: wiring | definition

wiring: group (_ARROW group)*
group: endpoint ("," endpoint)*
endpoint: WORD ("." WORD)?

definition: WORD "=" WORD ["(" _NL? (_argument _NL? ("," _NL? _argument _NL?)* ("," _NL?)?)? ")"]
_argument: named | positional
named: WORD "=" _value
positional: _value
_value: _atom | call
_atom: WORD | QUANTITY | STRING
call: WORD "(" (item ("," item)* ","?)? ")"
?item: WORD "=" _atom -> named
     | _atom -> positional

_ARROW: "->"
WORD: /[^\W\d](?:\w|-(?!>))*/
QUANTITY: /[-+]?\.?\d(?:[\w.]|(?<=[eE])[-+])*/
STRING: /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/
_NL: /(?:\n[^\S\n]*(?:#[^\n]*)?)+/

%ignore /[^\S\n]+/
%ignore /#[^\n]*/
"""
