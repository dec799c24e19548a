"""What the parser of a magic makes of a line."""

import pytest

from floe_jupyter.client.durations import duration, seconds
from floe_jupyter.client.verbs import VERBS, verb
from floe_jupyter.client.verbs.arguments import parse
from floe_jupyter.core.notation.values import seconds_of
from floe_jupyter.errors import DefinitionError, UnknownName


def parsed(line: str) -> dict[str, object]:
    name, _, rest = line.partition(" ")
    given = parse(name, verb(name).arguments, rest)
    return {key: value for key, value in given.items() if value not in (None, "", [], False)}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("run co2", {"flow": "co2"}),
        ("run co2 --input [1, 2]", {"flow": "co2", "input": "[1, 2]"}),
        ("run co2 --input x + 1 --debug", {"flow": "co2", "input": "x + 1", "debug": True}),
        ("run co2 --input x - 1", {"flow": "co2", "input": "x - 1"}),
        ("run co2 --input -5", {"flow": "co2", "input": "-5"}),
        ("run --input=range(3) co2", {"flow": "co2", "input": "range(3)"}),
        ("run co2 --timeout 2m --detach", {"flow": "co2", "timeout": 120.0, "detach": True}),
        ("break clean.in --when msg['ppm'] < 0 --hits 3", {"node": "clean.in", "when": "msg['ppm'] < 0", "hits": 3}),
        ("break clean --when \"msg['ppm'] < 0\"", {"node": "clean", "when": "msg['ppm'] < 0"}),
        ("break clean --log saw {msg} here", {"node": "clean", "log": "saw {msg} here"}),
        ("send co2.read {'a': 1}", {"target": "co2.read", "value": "{'a': 1}"}),
        ("edit 3f2a {**x, 'ppm': 316.0}", {"id": "3f2a", "value": "{**x, 'ppm': 316.0}"}),
        ("edit 3f2a -5", {"id": "3f2a", "value": "-5"}),
        ("fork 3f2a", {"id": "3f2a"}),
        ("step --node clean", {"node": "clean"}),
        ("export co2 -o co2.floe", {"flow": "co2", "output": "co2.floe"}),
        (
            "module parse --lang=js --deps 'a>=1' b --in x y --out z",
            {"name": "parse", "lang": "js", "deps": ["a>=1", "b"], "in": ["x", "y"], "out": ["z"]},
        ),
        ("break clean --when msg > 1 --hits 2   # hold few", {"node": "clean", "when": "msg > 1", "hits": 2}),
        ('break clean --log "saw {msg}"  # note', {"node": "clean", "log": "saw {msg}"}),
        ("step # x", {}),
        ('module count --state {"n": 0}', {"name": "count", "state": '{"n": 0}'}),
        ("module count --state '{\"n\": 5}'", {"name": "count", "state": '{"n": 5}'}),
        (r'module count --state "{\"n\": 5}"', {"name": "count", "state": '{"n": 5}'}),
    ],
)
def test_a_line_is_read_as_it_looks(line, expected):
    assert parsed(line) == expected


@pytest.mark.parametrize(
    ("line", "error", "text"),
    [
        ("run co2 --inptu 3", UnknownName, "no option of %floe run '--inptu'; did you mean '--input'?"),
        ("run co2 --i 3", UnknownName, "no option of %floe run '--i'"),
        ("runs co2 extra", DefinitionError, "'extra' is one word too many"),
        ("send co2", DefinitionError, "required: VALUE"),
        ("edit", DefinitionError, "required: ID, VALUE"),
        ("run co2 --timeout soon", DefinitionError, "soon is no duration; write one like 500ms, 10s, 2m, 1h30m or 1d"),
        ("break clean --hits two", DefinitionError, "'two' is no whole number"),
        ("export co2", DefinitionError, "required: -o"),
        ("run co2 --input", DefinitionError, "--input: expected at least one argument"),
    ],
)
def test_a_wrong_line_is_answered_with_the_cure(line, error, text):
    with pytest.raises(error) as caught:
        parsed(line)
    assert text in str(caught.value)


def test_an_unknown_verb_names_the_nearest():
    with pytest.raises(UnknownName, match="no verb 'rum'; did you mean 'run'"):
        verb("rum")


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("1.5", 1.5), ("200ms", 0.2), ("2m", 120), ("1h30m", 5400)])
def test_durations(text, seconds):
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["soon", "", "30x", "10001d", "1.2.3s"])
def test_an_argument_is_refused_in_the_words_of_the_notation(text):
    with pytest.raises(DefinitionError) as refused:
        seconds_of(text)
    with pytest.raises(DefinitionError) as caught:
        duration(text)
    assert str(caught.value) == str(refused.value)
    with pytest.raises(DefinitionError) as caught:
        seconds("timeout", text)
    assert str(caught.value) == f"timeout={text!r}: {refused.value}"


def test_every_verb_and_every_argument_says_what_it_is():
    for found in VERBS.values():
        assert found.doc.endswith("."), found.name
        assert all(argument.doc for argument in found.arguments), found.name


def test_every_verb_of_the_interface_exists():
    promised = (
        "module flow run start send stop break breaks clear step back continue pause held edit drop retry inject fork "
        "flows runs runners runtimes deps logs status attach export show help"
    )
    assert set(promised.split()) <= set(VERBS)
