"""Writes a step as a `returned` frame."""

from floe_runtime.pipe import pack
from floe_runtime.segments import Placed

END = b',"end":true'


def write(step, codec, segments):
    """Return the frame as bytes."""
    call, parts = step.call, []
    if _is_plain(step):
        return _plain(step, codec)
    head = {"t": "returned", "parts": [], "call": call.number}
    if step.consumed:
        head["consumed"] = step.consumed
    if call.emitted:
        head["emitted"] = call.emitted
    if step.groups:
        plain = _one_each(step)
        head["outputs"] = [_output(key, group, call, plain, parts) for key, group in step.groups.items()]
    if step.counts:
        head["counts"] = [
            {"wire": w, "n": n, "bytes": size, "slot": slot, "last": last.end(passed).decode(errors="ignore")}
            for (w, slot), (n, size, (last, passed)) in step.counts.items()
        ]
    _rare(step, head, parts, segments)
    head["parts"] = [len(part) for part in parts]
    text = codec.dumps(head)
    if step.changes:
        text = text[:-1] + b',"states":[' + b",".join(_state(codec, *change) for change in step.changes.items()) + b"]}"
    return pack(text, parts)


def _is_plain(step):
    """Return whether the step has one port, one output for each message, and no other news."""
    call = step.call
    if (
        len(step.groups) != 1
        or step.counts
        or step.changes
        or step.skipped
        or step.left
        or step.failure is not None
        or call.emitted
        or call.segments
        or call.runs is not None
    ):
        return False
    (group,) = step.groups.values()
    return group.buffers is None and not group.tagged and _one_each(step)


def _plain(step, codec):
    """Return the commonest frame, written without an encoder."""
    (((slot, port), group),) = step.groups.items()
    payload = b"[" + b",".join(group.texts) + b"]"
    call, n = step.call, step.consumed
    output = b'{"slot":%d,"port":%b,"batch":{"n":%d,"run":%d}}' % (slot, codec.dumps(port), n, call.run)
    head = b'{"t":"returned","parts":[%d],"call":%d,"consumed":%d,"outputs":[%b]%b}' % (
        len(payload),
        call.number,
        n,
        output,
        END if step.end else b"",
    )
    return pack(head, (payload,))


def _rare(step, head, parts, segments):
    if step.skipped:
        head["skipped"] = step.skipped
    if step.failure is not None:
        head["failure"] = step.failure
    if step.left:
        head["left"] = [_left(inputs, at, parts) for inputs, at in step.left if at < len(inputs.texts)]
    if step.end:
        head["end"] = True
        step.groups.clear()
        kept = segments.kept(step.call.segments)
        if kept:
            head["kept"] = kept


def _one_each(step):
    """Return whether every consumed message gave one output on one port: the outputs' origin is implied then."""
    if len(step.groups) != 1 or step.call.emitted:
        return False
    (group,) = step.groups.values()
    return not any(group.index) and group.roots == list(range(step.start, step.start + step.consumed))


def _output(key, group, call, plain, parts):
    slot, port = key
    batch = _batch(call, group.roots, b"[" + b",".join(group.texts) + b"]", group.buffers, group.tagged, parts)
    head = {"slot": slot, "port": port, "batch": batch}
    if not plain:
        head["index"], head["parent"] = group.index, group.roots
    return head


def _batch(call, roots, payload, buffers, tagged, parts):
    head = {"n": len(roots), "run": call.run}
    if call.runs is not None:
        head["runs"] = [call.runs[root] for root in roots]
    if tagged:
        head["tagged"] = True
    parts.append(payload)
    if buffers is not None and any(buffers):
        head["counts"] = [len(b) for b in buffers]
        head["buffers"] = [_buffer(view, parts) for b in buffers for view in b]
    return head


def _buffer(view, parts):
    if type(view) is Placed:
        view.sent = True
        return {"size": view.nbytes, "segment": view.name}
    parts.append(view)
    return {"size": view.nbytes}


def _left(inputs, at, parts):
    buffers = None if inputs.buffers is None else inputs.buffers[at:]
    tagged = inputs.tagged is not None and any(inputs.tagged[at:])
    batch = _batch(inputs.call, inputs.roots[at:], b"[" + b",".join(inputs.texts[at:]) + b"]", buffers, tagged, parts)
    wire, slot = inputs.wire
    return {"wire": wire, "batch": batch, "slot": slot}


def _state(codec, slot, change):
    changed, removed = change
    pairs = b",".join(codec.dumps(key) + b":" + text for key, text in changed.items())
    text = b'{"slot":%d,"set":{%b}' % (slot, pairs)
    return text + (b',"unset":' + codec.dumps(removed) if removed else b"") + b"}"
