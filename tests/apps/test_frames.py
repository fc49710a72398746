"""Frames from a page to its kernel: each is a valid message, or is refused with a reason."""

import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jupyter_client.session import Session
from jupyter_server.services.kernels.connection.base import (
    deserialize_msg_from_ws_v1,
    serialize_msg_to_ws_v1,
)

from imgurer_kernel.apps.server import frames
from imgurer_kernel.apps.server.frames import BadFrame, check_frame
from tests.support.forms import rounds

HEADER = json.dumps({"msg_id": "1", "msg_type": "comm_msg", "session": "x"}).encode()
PARTS = (HEADER, b"{}", b"{}", b'{"data": {}}')
CHANNELS = st.sampled_from(["shell", "control", "stdin"])
BUFFERS = st.lists(st.binary(max_size=40), max_size=5)


def message(*buffers, channel="shell", header=HEADER):
    return serialize_msg_to_ws_v1([header, *PARTS[1:], *buffers], channel)


def refusal(frame):
    with pytest.raises(BadFrame) as caught:
        check_frame(frame)
    return caught.value


@pytest.mark.long
@given(CHANNELS, st.text(max_size=40), BUFFERS)
def test_frames_of_real_pages_are_accepted(channel, text, buffers):
    header = json.dumps({"msg_type": text, "subshell_id": None}, ensure_ascii=False)
    check_frame(message(*buffers, channel=channel, header=header.encode("utf-8", "replace")))


def changed(frame, place, number):
    return frame[: 8 * place] + struct.pack("<Q", number) + frame[8 * place + 8 :]


NUMBERS = st.one_of(
    st.integers(0, 200),
    st.sampled_from([2**31, 2**32 - 1, 2**32, 2**60, 2**63 - 1, 2**63, 2**64 - 1]),
)
VALID = st.builds(lambda channel, buffers: message(*buffers, channel=channel), CHANNELS, BUFFERS)
FRAMES = st.one_of(
    st.text(max_size=20),
    st.binary(max_size=200),
    st.builds(lambda frame, end: frame[:end], VALID, st.integers(0, 150)),
    st.builds(lambda frame, rest: frame + rest, VALID, st.binary(max_size=20)),
    st.builds(changed, VALID, st.integers(0, 12), NUMBERS),
    st.builds(
        lambda frame, at, byte: frame[:at] + byte + frame[at + 1 :],
        VALID,
        st.integers(0, 250),
        st.binary(min_size=1, max_size=1),
    ),
)


@pytest.mark.long
@settings(max_examples=rounds(250, 4000), deadline=None)
@given(FRAMES)
def test_every_frame_is_refused_for_a_reason_or_means_to_jupyter_what_it_says(frame):
    try:
        check_frame(frame)
        bad = None
    except BadFrame as error:
        bad = error
    if bad is not None:
        assert bad.code in {1003, 1007, 1009}
        assert 0 < len(str(bad).encode("ascii")) <= 123, "what a closing frame can hold"
        return
    channel, parts = deserialize_msg_from_ws_v1(frame)
    assert channel in {"shell", "control", "stdin"}
    assert len(parts) >= 4
    table = 8 * (1 + int.from_bytes(frame[:8], "little"))
    assert frame[table:] == channel.encode() + b"".join(parts), "each byte once, and no other"
    assert isinstance(Session().unpack(parts[0])["msg_type"], str)


@pytest.mark.parametrize("count", [0, 1, 5, 9, 1007, 2**31, 2**60, 2**63, 2**64 - 1])
def test_the_number_of_offsets_is_not_believed(count):
    """No list of them is allocated: the longest would take 147 exabytes."""
    assert refusal(changed(message(), 0, count)).code == 1007
    assert refusal(struct.pack("<Q", count)).code == 1007


@pytest.mark.parametrize("place", range(1, 9))
@pytest.mark.parametrize("number", [0, 1, 2**32, 2**63, 2**64 - 1])
def test_no_length_is_believed(place, number):
    frame = message(b"a", b"b")
    assert int.from_bytes(frame[:8], "little") == 8
    assert refusal(changed(frame, place, number)).code == 1007


@pytest.mark.parametrize("place", range(4, 8))
def test_no_part_ends_before_it_begins(place):
    frame = message(b"", b"")
    before = int.from_bytes(frame[8 * place - 8 : 8 * place], "little")
    assert refusal(changed(frame, place, before - 1)).code == 1007


def test_there_is_nothing_between_the_offsets_and_the_channel():
    frame = message()
    offsets = [each + 8 for each in struct.unpack_from("<6Q", frame, 8)]
    gap = struct.pack("<7Q", 6, *offsets) + b"\0" * 8 + frame[56:]
    assert deserialize_msg_from_ws_v1(gap) == deserialize_msg_from_ws_v1(frame)
    assert refusal(gap).code == 1007


def test_what_is_too_long_is_told_where_it_should_have_ended():
    frame = message()
    assert str(len(frame) + 2) in str(refusal(frame + b"xy"))
    assert f"to {len(frame)};" in str(refusal(frame + b"xy"))


@pytest.mark.parametrize("end", range(len(message(b"a"))))
def test_a_frame_that_is_cut_off_anywhere(end):
    assert refusal(message(b"a")[:end]).code == 1007


@pytest.mark.parametrize("size", [0, 1, 8, 10_000])
def test_a_text_is_not_a_message(size):
    assert refusal("\x06" * size).code == 1003


def test_the_longest_frame():
    rest = frames.MOST_BYTES - len(message(b""))
    check_frame(message(b"x" * rest))
    assert refusal(message(b"x" * (rest + 1))).code == 1009
    assert frames.READ_BYTES > frames.MOST_BYTES


def test_the_most_buffers():
    check_frame(message(*[b""] * 1000))
    assert refusal(message(*[b""] * 1001)).code == 1007


@pytest.mark.parametrize("channel", ["iopub", "", "hb", "Shell", "shell\0", "x" * 1000])
def test_a_channel_that_pages_do_not_send_to(channel):
    assert refusal(message(channel=channel)).code == 1007


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"null",
        b"[]",
        b'"comm_msg"',
        b"{}",
        b'{"msg_type": 1}',
        b'{"msg_type": ["comm_msg"]}',
        b'{"msg_type": "\xff"}',
        b"[" * 10_000,
        b'{"msg_type": "comm_msg", "deep": ' + b"[" * 200 + b"]" * 200 + b"}",
        json.dumps({"msg_type": "comm_msg"}).encode("utf-16"),
        b'{"msg_type": "comm_msg"}' + b" " * 16_400,
    ],
    ids=range(12),
)
def test_a_header_that_is_none(header):
    assert refusal(message(header=header)).code == 1007


def test_other_parts_of_a_message_are_not_checked():
    check_frame(serialize_msg_to_ws_v1([HEADER, b"\xff", b"[" * 10_000, b"x" * 100_000], "shell"))
