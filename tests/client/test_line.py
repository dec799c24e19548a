"""How a magic's line becomes words."""

import pytest

from floe_jupyter.client.verbs.line import split, unquote
from floe_jupyter.errors import DefinitionError


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("run co2", ["run", "co2"]),
        ("run co2 --input [1, 2, 3]", ["run", "co2", "--input", "[1, 2, 3]"]),
        ("--input (x for x in data)", ["--input", "(x for x in data)"]),
        ("--input data[ :10 ]", ["--input", "data[ :10 ]"]),
        ("--input {'a': [1, (2, 3)]} x", ["--input", "{'a': [1, (2, 3)]}", "x"]),
        ("""--when "msg['ppm'] < 0" b""", ["--when", """"msg['ppm'] < 0\"""", "b"]),
        ("--input [']', \"[\"] x", ["--input", "[']', \"[\"]", "x"]),
        ("--log don't stop", ["--log", "don't", "stop"]),
        ("--input f'{a} b'", ["--input", "f'{a} b'"]),
        ("--input='a b'", ["--input='a b'"]),
        (r"'it\'s' x", [r"'it\'s'", "x"]),
        ("held      # which message, where, why", ["held"]),
        ("held\t#", ["held"]),
        ("# all of it", []),
        ("""--when "msg == 'BE'"   # don't [hold""", ["--when", '''"msg == 'BE'"''']),
        ("--log 'item # 3' a#b c#  # d", ["--log", "'item # 3'", "a#b", "c#"]),
        ("--input ['a #', '# b'] # c", ["--input", "['a #', '# b']"]),
    ],
)
def test_blanks_inside_quotes_and_brackets_do_not_part_words(line, words):
    assert split(line) == words


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--input [1, 2", "column 9: this bracket is not closed: [1, 2"),
        ("--input 'abc", "column 9: this quote is not closed: 'abc"),
        ("--input [1, 2)", "column 14: ')' closes a bracket that was not opened"),
    ],
)
def test_an_unbalanced_line_names_the_place(line, message):
    with pytest.raises(DefinitionError, match="column") as caught:
        split(line)
    assert str(caught.value) == message


def test_quotes_around_a_word_are_taken_off_and_others_are_not():
    assert unquote('"numpy>=2"') == "numpy>=2"
    assert unquote("'a' + 'b'") == "'a' + 'b'"
    assert unquote(r"'it\'s'") == "it's"
    assert unquote("'") == "'"
