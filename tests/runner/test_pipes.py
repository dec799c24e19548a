from __future__ import annotations

import os
import time

import pytest

from floe_jupyter.runner.runtimes import output
from floe_jupyter.runner.runtimes.output import ProcessOutput
from floe_jupyter.runner.runtimes.pipes import Fifos, Reader, Writer
from floe_jupyter.wire.transport.loop import Loop


@pytest.fixture
def loop():
    loop = Loop()
    yield loop
    loop.close()


def turn_until(loop: Loop, done, what: str) -> None:
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline, f"waited 30 s for {what}"
        loop.turn(0.1)


def test_a_writer_never_blocks_and_keeps_the_order_of_what_the_pipe_does_not_take(loop):
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    os.set_blocking(read_end, False)
    writer, got = Writer(loop, write_end), []
    pieces = [bytes([i % 251]) * (1 + i * 37 % 5000) for i in range(2_000)]
    for i in range(0, 2_000, 2):
        writer.send(pieces[i : i + 2])
    loop.turn(0)
    assert writer.waiting > 0
    Reader(loop, read_end, got.append, lambda: None)
    turn_until(loop, lambda: writer.waiting == 0, "the writer to be through")
    turn_until(loop, lambda: sum(map(len, got)) == sum(map(len, pieces)), "all bytes")
    assert b"".join(got) == b"".join(pieces)
    writer.close()


def test_a_reader_that_is_gone_costs_nothing(loop):
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    writer = Writer(loop, write_end)
    os.close(read_end)
    writer.send([b"x" * 100])
    loop.turn(0)
    assert writer.waiting == 0
    writer.send([b"y"])
    writer.close()


def test_a_paused_reader_leaves_the_pipe_to_fill_and_loses_nothing(loop):
    read_end, write_end = os.pipe()
    got: list[bytes] = []
    reader = Reader(loop, read_end, got.append, lambda: None)
    reader.pause(paused=True)
    os.write(write_end, b"abc")
    loop.turn(0.05)
    assert got == []
    reader.pause(paused=False)
    turn_until(loop, lambda: got == [b"abc"], "what was written meanwhile")
    reader.close()
    os.close(write_end)


def test_named_pipes_are_gone_as_soon_as_both_ends_are_open():
    fifos = Fifos()
    assert os.stat(fifos.directory).st_mode & 0o777 == 0o700
    theirs = [os.open(fifos.to_runtime, os.O_RDONLY | os.O_NONBLOCK), os.open(fifos.from_runtime, os.O_WRONLY)]
    fifos.settle()
    assert not os.path.exists(fifos.directory)
    os.write(fifos.write_fd, b"there")
    os.write(theirs[1], b"back")
    assert (os.read(theirs[0], 10), os.read(fifos.read_fd, 10)) == (b"there", b"back")
    os.close(theirs[0])
    with pytest.raises(BrokenPipeError):
        os.write(fifos.write_fd, b"nobody")
    for fd in (theirs[1], fifos.read_fd, fifos.write_fd):
        os.close(fd)


def test_a_flood_of_prints_is_cut_counted_and_its_end_kept(loop):
    read_end, write_end = os.pipe()
    heard: list[tuple[str, int]] = []
    out = ProcessOutput(loop, read_end, lambda text, cut: heard.append((text, cut)))
    total = 4 * output.RATE
    for _ in range(total // 32_768):
        os.write(write_end, b"x" * 32_768)
        loop.turn(0.01)
    os.write(write_end, "\nthe endé\n".encode())
    os.close(write_end)
    out.drain()
    passed_on = sum(len(text) for text, _ in heard)
    assert passed_on <= 2 * output.RATE
    assert passed_on + sum(cut for _, cut in heard) + out.cut >= total
    assert out.last_lines(1) == ["the endé"]


def lines_heard(loop: Loop, pieces: list[bytes]) -> tuple[list[str], int]:
    """The texts that are passed on of what is printed at once, and how many bytes are told to be left out."""
    read_end, write_end = os.pipe()
    heard: list[tuple[str, int]] = []
    out = ProcessOutput(loop, read_end, lambda text, cut: heard.append((text, cut)))
    for piece in pieces:
        os.write(write_end, piece)
        loop.turn(0.01)
    os.close(write_end)
    out.drain()
    assert out.cut == 0
    return [text for text, _ in heard], sum(cut for _, cut in heard)


def test_of_many_lines_at_once_only_whole_ones_are_passed_on(loop):
    every = [f"line {i} of ünïcode text that goes on and on until it is long enough to be cut\n" for i in range(9_000)]
    data = "".join(every).encode()
    texts, cut = lines_heard(loop, [data[at : at + 5_000] for at in range(0, len(data), 5_000)])
    passed_on = "".join(texts)
    assert cut
    assert len(passed_on.encode()) + cut == len(data)
    assert set(passed_on.splitlines(keepends=True)) <= set(every)


def test_a_line_longer_than_the_bound_is_cut_at_a_character_and_what_follows_is_left_out(loop):
    data = ("é" * output.RATE).encode() + b"\nnext\n"
    texts, cut = lines_heard(loop, [data[at : at + 9_999] for at in range(0, len(data), 9_999)])
    assert cut
    assert set("".join(texts).splitlines()[0]) == {"é"}
    assert len("".join(texts).encode()) + cut == len(data)


def test_a_gap_at_the_end_is_told_although_nothing_is_printed_behind_it(loop):
    read_end, write_end = os.pipe()
    heard: list[tuple[str, int]] = []
    ProcessOutput(loop, read_end, lambda text, cut: heard.append((text, cut)))
    for _ in range(40):
        os.write(write_end, b"x" * 9_999 + b"\n")
        loop.turn(0.01)
    turn_until(loop, lambda: heard[-1][1], "the gap to be told")
    assert sum(len(text) + cut for text, cut in heard) == 400_000
    os.close(write_end)
    loop.turn(0.1)


def test_text_that_is_cut_inside_a_character_arrives_whole(loop):
    read_end, write_end = os.pipe()
    heard: list[str] = []
    ProcessOutput(loop, read_end, lambda text, cut: heard.append(text))
    for part in ("é".encode()[:1], "é".encode()[1:]):
        os.write(write_end, part)
        loop.turn(0.1)
    assert "".join(heard) == "é"
    os.close(write_end)
    loop.turn(0.1)
