"""What ``floe run`` takes and prints: one value in one way, always JSON, and input again; what modules print; encodings."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys

import pytest

from tests.cli.test_cli import typed

VALUES = """%%floe module give
import datetime, math
import numpy as np
import pandas as pd
FRAME = pd.DataFrame({"n": range(100), "s": [f"row {i}" for i in range(100)], "t": pd.date_range("2026-01-01", periods=100, tz="Europe/Berlin")})
GIVEN = [[b"x", datetime.date(2024, 1, 1)], [datetime.date(2024, 1, 1)], 2**70, math.nan, -math.inf, {"$floe": [1]}, [b"", {"$floe": [1]}], np.array([1.0, math.nan]),
         FRAME, pd.Series([1.5, None], name="x"), pd.Timestamp("2026-11-21 04:05:06.123456789"), "line\\u2028 separator", None, 1e300, -0.0, 9007199254740993]
def give(msg):
    yield from [value for value in GIVEN if value is not None]

%%floe flow giving
give
"""
CHECK = VALUES.replace(
    "%%floe flow giving\ngive\n",
    """%%floe module check
import datetime, math
import numpy as np
import pandas as pd
FRAME = pd.DataFrame({"n": range(100), "s": [f"row {i}" for i in range(100)], "t": pd.date_range("2026-01-01", periods=100, tz="Europe/Berlin")})
def check(msg):
    if isinstance(msg, pd.DataFrame):
        pd.testing.assert_frame_equal(msg, FRAME)
    return type(msg).__name__ + ": " + (repr(msg) if not isinstance(msg, pd.DataFrame) else str(msg.shape))

%%floe flow checking
check
""",
)
ECHO = "%%floe module echo\ndef echo(msg):\n    return msg\n\n%%floe flow echoing\necho\n"


@pytest.fixture
def files(floe):
    (floe.folder / "give.floe").write_text(VALUES)
    (floe.folder / "check.floe").write_text(CHECK)
    (floe.folder / "echo.floe").write_text(ECHO)
    return floe


def no_json(word):
    raise AssertionError(f"{word} is no JSON")


@pytest.mark.timeout(240)
def test_A10_every_line_is_json_and_input_again_with_the_same_meaning(files):
    status, out, err = typed(files, "floe run give.floe < /dev/null")
    assert (status, err) == (0, "")
    values = [json.loads(line, parse_constant=no_json) for line in out.removesuffix("\n").split("\n")]
    day = {"$floe": ["day", "2024-01-01"]}
    assert values[:8] == [
        [{"$floe": ["bytes", "eA=="]}, day],
        [day],
        {"$floe": ["int", str(2**70)]},
        {"$floe": ["float", "nan"]},
        {"$floe": ["float", "-inf"]},
        {"$floe": ["escape", {"$floe": [1]}]},
        [{"$floe": ["bytes", ""]}, {"$floe": ["escape", {"$floe": [1]}]}],
        {"$floe": ["array", [1.0, {"$floe": ["float", "nan"]}], "<f8", [2]]},
    ]
    assert "row 99" in out
    assert "..." not in out
    (files.folder / "given.jsonl").write_text(out)
    assert typed(files, "floe run echo.floe < given.jsonl") == (0, out, "")
    assert typed(files, "floe run echo.floe < given.jsonl | floe run echo.floe --input -") == (0, out, "")
    status, seen, err = typed(files, "floe run check.floe < given.jsonl")
    assert (status, err) == (0, "")
    assert [json.loads(line) for line in seen.split("\n")[:12]] == [
        "list: [b'x', datetime.date(2024, 1, 1)]",
        "list: [datetime.date(2024, 1, 1)]",
        f"int: {2**70}",
        "float: nan",
        "float: -inf",
        "dict: {'$floe': [1]}",
        "list: [b'', {'$floe': [1]}]",
        "ndarray: array([ 1., nan])",
        "DataFrame: (100, 3)",
        "Series: 0    1.5\n1    NaN\nName: x, dtype: float64",
        "Timestamp: Timestamp('2026-11-21 04:05:06.123456789')",
        "str: 'line\\u2028 separator'",
    ]
    status, told, _ = typed(files, "floe run echo.floe --json < given.jsonl")
    assert json.loads(told, parse_constant=no_json)["outputs"]["echo.out"] == values


def test_A10_a_tag_that_means_nothing_is_named_by_its_line(files):
    status, out, err = typed(files, """printf '1\\n{"$floe": 1}\\n' | floe run echo.floe""")
    assert (status, "standard input, line 2, has a tag" in err, '{"$floe": ["escape"' in err) == (2, True, True), (out, err)


@pytest.mark.parametrize(
    "words",
    [
        ["none.ipynb"],
        ["."],
        ["echo.floe", "--input", "none.jsonl"],
        ["echo.floe", "--input", "."],
        ["bytes.floe"],
        ["broken.ipynb"],
    ],
)
def test_A18_a_call_that_names_what_cannot_be_read_is_wrong(files, words):
    (files.folder / "bytes.floe").write_bytes(b"# x\n%%floe module \xff\n")
    (files.folder / "broken.ipynb").write_text("{")
    done = files("run", *words)
    assert done.returncode == 2, done.stderr
    assert words[-1] in done.stderr
    assert "Traceback" not in done.stderr
    if words == ["bytes.floe"]:
        assert "line 2 is no UTF-8 text" in done.stderr


TALK = """%%floe module talk
import sys
def talk(msg, ctx):
    print("hello", msg)
    print("no end", end="", file=sys.stderr)
    ctx.log("logged")
    if msg == 3:
        raise ValueError("three")
    return msg

%%floe flow talking
talk
"""


@pytest.mark.timeout(100)
def test_A19_what_modules_print_is_on_standard_error_also_of_a_run_that_fails(files):
    (files.folder / "talk.floe").write_text(TALK)
    done = files("run", "talk.floe", "--input", "-", given="1\n2\n")
    assert (done.returncode, done.stdout) == (0, "1\n2\n")
    assert [part in done.stderr for part in ("talk: hello 1\n", "talk: hello 2\n", "no end", "logged\n")] == [True] * 4, (
        done.stderr
    )
    failed = files("run", "talk.floe", "--input", "-", given="3\n")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.index("talk: hello 3\n") < failed.stderr.index("ValueError: three")
    quiet = files("run", "talk.floe", "--quiet", "--input", "-", given="1\n")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "1\n", "")


def test_A19_a_terminal_shows_prints_results_and_progress_one_below_the_other(files):
    (files.folder / "talk.floe").write_text(
        TALK.replace("import sys\n", "import sys, time\n").replace('    print("hello"', '    time.sleep(0.8)\n    print("hello"')
    )
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "floe_jupyter.cli", "run", "talk.floe", "--input", "-"]
    process = subprocess.Popen(
        words,
        env={**files.environment, "COLUMNS": "100", "TERM": "xterm"},
        cwd=files.folder,
        stdin=subprocess.PIPE,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    process.stdin.write(b"1\n2\n4\n")
    process.stdin.close()
    seen = b""
    while select.select([ours], [], [], 50)[0]:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other side is gone
            break
        if not part:
            break
        seen += part
    os.close(ours)
    assert process.wait(20) == 0
    text = seen.decode()
    for number in (1, 2, 4):
        assert f"talk: hello {number}\r\n" in text
        assert f"\n{number}\r\n" in text.replace("\x1b[2K", "\n").replace("\x1b[?25h", "\n"), text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-16"])
def test_A20_json_lines_are_utf_8_whatever_the_locale(files, encoding):
    files.environment |= {"PYTHONIOENCODING": encoding, "LC_ALL": "C"}
    (files.folder / "in.jsonl").write_bytes(b'\xef\xbb\xbf"\xc3\xbc"\r\n\r\n"\xe2\x82\xac"\r\n')
    words = [sys.executable, "-m", "floe_jupyter.cli", "run", "echo.floe"]
    for more, given in ((["--input", "in.jsonl"], b""), (["--input", "-"], (files.folder / "in.jsonl").read_bytes())):
        done = subprocess.run(
            [*words, *more], env=files.environment, cwd=files.folder, input=given, capture_output=True, timeout=50, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, '"ü"\n"€"\n'.encode(), b"")


@pytest.mark.timeout(100)
@pytest.mark.parametrize(
    ("given", "says"),
    [
        (b'1\n"\xff"\n', "line 2, is no UTF-8 text (byte 0xff at place 2)"),
        (b'1\n"\\ud800"\n', "line 2, is no JSON: it holds half of a character"),
        (b'1\n{"\\uDFFF": 1}\n', "line 2, is no JSON: it holds half of a character"),
        (b"\xff\xfe1\x00\n\x00", "line 1, begins as UTF-16 does"),
    ],
)
def test_A20_what_is_no_unicode_is_named_with_file_and_line(files, given, says):
    (files.folder / "in.jsonl").write_bytes(given)
    words = [sys.executable, "-m", "floe_jupyter.cli", "run", "echo.floe", "--input"]
    for name, source in (("in.jsonl", "in.jsonl"), ("standard input", "-")):
        done = subprocess.run(
            [*words, source], env=files.environment, cwd=files.folder, input=given, capture_output=True, timeout=50, check=False
        )
        assert (done.returncode, f"{name}, {says}" in done.stderr.decode()) == (2, True), done.stderr


def test_A20_a_pair_of_halves_is_one_character(files):
    assert files("run", "echo.floe", "--input", "-", given='"\\ud83d\\ude00"\n').stdout == '"😀"\n'


def test_A20_files_with_a_byte_order_mark_are_read(files):
    cell = "\ufeff%%floe module echo\ndef echo(msg):\n    return 'a\u2028b'\n"
    (files.folder / "mark.floe").write_bytes((cell + "\n%%floe flow echoing\necho\n").encode())
    assert files("run", "mark.floe").stdout == '"a\u2028b"\n'
    cells = [{"cell_type": "code", "execution_count": 1, "source": source} for source in (cell, "%%floe flow echoing\necho\n")]
    (files.folder / "mark.ipynb").write_bytes(b"\xef\xbb\xbf" + json.dumps({"cells": cells}).encode())
    assert files("run", "mark.ipynb").stdout == '"a\u2028b"\n'
