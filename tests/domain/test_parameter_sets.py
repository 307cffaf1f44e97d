"""What a decoder must know before the first picture, for streams that share a file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.avc_packets import read_avc_record
from pipeline.domain.parameter_sets import ParameterSets, free_id, merge_parameter_sets, read_parameter_sets

HIGH_TAIL = bytes.fromhex("fdf8f800")
X264 = bytes.fromhex("01640028ffe1001a67640028acd9404403c6c044000003000400000300c03c60c65801000668ebe3cb22c0fdf8f800")
"""As x264 writes it: high profile, level 4.0, the id 0 twice."""


def code(number: int) -> str:
    """Exp-Golomb, in bits."""
    bits = f"{number + 1:b}"
    return "0" * (len(bits) - 1) + bits


def unit(head: str, number: int, rest: bytes) -> bytes:
    bits = code(number) + "1"
    bits += "0" * (-len(bits) % 8)
    return bytes.fromhex(head) + int(bits, 2).to_bytes(len(bits) // 8) + rest


def sequence_set(number: int, rest: bytes = b"\xaa") -> bytes:
    return unit("67640028", number, rest)


def picture_set(number: int, rest: bytes = b"\xbb") -> bytes:
    return unit("68", number, rest)


def record(
    sequence_ids: tuple[int, ...] = (0,),
    picture_ids: tuple[int, ...] = (0,),
    *,
    profile: int = 100,
    constraints: int = 0,
    level: int = 40,
    sizes: int = 4,
    tail: bytes | None = None,
    rest: bytes = b"\xaa",
) -> bytes:
    sequences = [sequence_set(number, rest) for number in sequence_ids]
    pictures = [picture_set(number, rest) for number in picture_ids]
    head = bytes([1, profile, constraints, level, 0xFC | (sizes - 1), 0xE0 | len(sequences)])
    parts = [head, *(len(one).to_bytes(2) + one for one in sequences), bytes([len(pictures)])]
    parts += [len(one).to_bytes(2) + one for one in pictures]
    return b"".join(parts) + (HIGH_TAIL if tail is None and profile >= 100 else tail or b"")


def test_a_record_is_taken_apart():
    sets = read_parameter_sets(X264)
    assert (sets.profile, sets.constraints, sets.level, sets.length_bytes) == (100, 0, 40, 4)
    assert [one.hex() for one in sets.sequence_sets] == ["67640028acd9404403c6c044000003000400000300c03c60c658"]
    assert [one.hex() for one in sets.picture_sets] == ["68ebe3cb22c0"]
    assert sets.tail == HIGH_TAIL
    assert sets.ids == {0}


@pytest.mark.parametrize("number", [0, 1, 2, 3, 6, 7, 14, 15, 30, 31])
def test_ids_are_exp_golomb_codes(number: int):
    assert read_parameter_sets(record((number,), (number,))).ids == {number}


def test_picture_sets_have_more_ids():
    assert read_parameter_sets(record((0, 3), (7, 127, 255))).ids == {0, 3, 7, 127, 255}


@pytest.mark.parametrize("cut", range(len(X264) - len(HIGH_TAIL)))
def test_a_record_that_is_cut_short_is_refused(cut: int):
    with pytest.raises(ValueError, match="cut short"):
        read_parameter_sets(X264[:cut])


@pytest.mark.parametrize("start", ["00000001", "00", "02", "ff"])
def test_what_is_no_record_is_refused(start: str):
    with pytest.raises(ValueError, match="no avcC record"):
        read_parameter_sets(bytes.fromhex(start) + X264)


@given(st.binary(max_size=80))
def test_whatever_comes_is_taken_apart_or_refused(noise: bytes):
    for data in (noise, b"\x01" + noise, X264[:6] + noise):
        try:
            sets = read_parameter_sets(data)
        except ValueError:
            continue
        units = (*sets.sequence_sets, *sets.picture_sets)
        assert sum(len(one) + 2 for one in units) + 7 + len(sets.tail) == len(data)


@pytest.mark.parametrize(
    ("content", "free"),
    [
        (b"", 0),
        (X264, 1),
        (record((1,), (1,)), 0),
        (record((0, 1), (0, 1)), 2),
        (record((0,), (1, 2)), 3),  # free in both kinds
        (record(tuple(range(30)), (0,)), 30),
        (record((0,), tuple(range(1, 31))), 31),
    ],
)
def test_what_is_encoded_gets_the_smallest_free_id(content: bytes, free: int):
    assert free_id(content) == free


FULL = [
    record((0,), tuple(range(32))),  # no id is left
    record(tuple(range(31)), (0,)),  # a record counts them in five bits
    record((0,), tuple(number for number in range(256) if number != 5)),  # and these in eight
]


@pytest.mark.parametrize("content", FULL)
def test_a_record_without_room_for_more_is_not_copied(content: bytes):
    with pytest.raises(ValueError, match="no room"):
        free_id(content)
    assert read_avc_record(content) is None


@pytest.mark.parametrize(
    "content",
    [
        record(rest=b"\xaa").replace(sequence_set(0, b"\xaa"), bytes(6)),
        record(rest=b"\xaa").replace(picture_set(0, b"\xaa"), b"\x68\x00\x00"),
    ],
)
def test_a_record_with_a_set_that_has_no_id_is_not_copied(content: bytes):
    assert read_avc_record(content) is None


@pytest.mark.parametrize("sizes", [1, 2, 3])
def test_a_stream_that_counts_bytes_differently_than_our_encoder_is_not_copied(sizes: int):
    assert read_avc_record(record(sizes=4)) is not None
    assert read_avc_record(record(sizes=sizes)) is None


def test_streams_with_different_ids_share_one_record():
    ours = record((1,), (1,), level=31, rest=b"\xcc")
    merged = read_parameter_sets(merge_parameter_sets([X264, ours, X264]))
    assert merged == ParameterSets(
        profile=100,
        constraints=0,
        level=40,
        length_size_byte=0xFF,
        sequence_sets=(*read_parameter_sets(X264).sequence_sets, sequence_set(1, b"\xcc")),
        picture_sets=(*read_parameter_sets(X264).picture_sets, picture_set(1, b"\xcc")),
        tail=HIGH_TAIL,
    )


def test_the_record_promises_what_all_streams_keep_to():
    baseline = record((0,), (0,), profile=66, constraints=0b1110_0000, level=30)
    main = record((1,), (1,), profile=77, constraints=0b0100_0000, level=31)
    high = record((2,), (2,), level=20)
    merged = read_parameter_sets(merge_parameter_sets([baseline, main]))
    assert (merged.profile, merged.constraints, merged.level, merged.tail) == (77, 0b0100_0000, 31, b"")
    merged = read_parameter_sets(merge_parameter_sets([baseline, high, main]))
    assert (merged.profile, merged.constraints, merged.level, merged.tail) == (100, 0, 31, HIGH_TAIL)
    strange = record((3,), (3,), profile=77, tail=b"more")  # only high profiles have something there
    assert read_parameter_sets(merge_parameter_sets([main, strange])).tail == b""


@pytest.mark.parametrize("count", [1, 2, 3])
def test_one_record_stays_as_it_is_to_the_last_byte(count: int):
    content = record(tail=HIGH_TAIL + b"more")
    assert merge_parameter_sets([content] * count) == content


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ([record((0,), (0,)), record((0,), (0,), rest=b"\xcc")], "same id"),
        ([record((0,), (0,)), record((1,), (0,))], "same id"),
        ([record((0,), (0,)), record((1,), (1,), sizes=2)], "differently"),
        ([record(tuple(range(16)), (0,)), record(tuple(range(16, 32)), (40,))], "more parameter sets"),
        ([record((0,), tuple(range(2, 130))), record((1,), tuple(range(130, 258)))], "more parameter"),
        ([X264, b"no record"], "no avcC record"),
    ],
)
def test_streams_that_cannot_share_a_record_are_refused(records: list[bytes], reason: str):
    with pytest.raises(ValueError, match=reason):
        merge_parameter_sets(records)


@st.composite
def records(draw: st.DrawFn) -> list[bytes]:
    """Of streams that can share a file: each has ids of its own."""
    ids = draw(st.permutations(range(32)))
    sizes = draw(st.sampled_from([1, 2, 4]))
    made = []
    for _ in range(draw(st.integers(1, 5))):
        own, ids = ids[:6], ids[6:]
        made.append(
            record(
                tuple(own[: draw(st.integers(1, 3))]),
                tuple(own[: draw(st.integers(1, 6))]),
                profile=draw(st.sampled_from([66, 77, 100])),
                constraints=draw(st.integers(0, 255)),
                level=draw(st.sampled_from([9, 30, 31, 40, 51])),
                sizes=sizes,
                rest=draw(st.binary(min_size=1, max_size=30)),
            )
        )
    return made


@given(records())
def test_every_set_of_every_stream_is_in_the_record_and_can_be_read_back(streams: list[bytes]):
    parts = [read_parameter_sets(stream) for stream in streams]
    merged = read_parameter_sets(merge_parameter_sets(streams))
    assert merged.sequence_sets == tuple(one for part in parts for one in part.sequence_sets)
    assert merged.picture_sets == tuple(one for part in parts for one in part.picture_sets)
    assert merged.ids == frozenset().union(*(part.ids for part in parts))
    assert merged.length_bytes == parts[0].length_bytes
    assert all(merged.profile >= part.profile and merged.level >= part.level for part in parts)
    assert all(merged.constraints & ~part.constraints == 0 for part in parts)
    assert (merged.tail == HIGH_TAIL) is (merged.profile == 100)


@given(records())
def test_a_stream_with_a_free_id_always_fits_beside_the_others(streams: list[bytes]):
    together = merge_parameter_sets(streams)
    try:
        number = free_id(together)
    except ValueError:
        return
    ours = record((number,), (number,), sizes=read_parameter_sets(together).length_bytes, rest=b"\xcc")
    joined = read_parameter_sets(merge_parameter_sets([together, ours]))
    assert joined.sequence_sets[-1] == sequence_set(number, b"\xcc")
    assert joined.picture_sets[-1] == picture_set(number, b"\xcc")
