"""Packets and configuration records put together by hand."""

import pytest

from pipeline.domain.avc_packets import MAX_UNITS, AvcRecord, PacketKind, read_avc_record

SEQUENCE, PICTURE = b"\x67\x64\x00\x28\xac", b"\x68\xeb\xe3\xcb"
OTHER_PICTURE = b"\x68\xee\x3c\xb0"
IDR, PLAIN, SEI, DELIMITER = b"\x65\x88", b"\x41\x9a", b"\x06\x05", b"\x09\x10"
HEAD = b"\x01\x64\x00\x28"


def record(length_bytes: int = 4) -> bytes:
    sets = b"\xe1" + len(SEQUENCE).to_bytes(2, "big") + SEQUENCE + b"\x01" + len(PICTURE).to_bytes(2, "big") + PICTURE
    return HEAD + bytes([0xFC | length_bytes - 1]) + sets


def kind(*units: bytes, cut: int = 0) -> PacketKind:
    read = read_avc_record(record())
    assert isinstance(read, AvcRecord)
    packet = b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)
    return read.kind(memoryview(packet[: len(packet) - cut]))


def test_the_first_slice_tells_what_a_packet_is():
    assert kind(DELIMITER, SEI, IDR, IDR) is PacketKind.IDR
    assert kind(DELIMITER, SEI, PLAIN) is PacketKind.OTHER


def test_parameter_sets_in_a_packet_must_be_those_of_the_record():
    assert kind(SEQUENCE, PICTURE, IDR) is PacketKind.IDR
    assert kind(SEQUENCE, OTHER_PICTURE, IDR) is PacketKind.ODD
    assert kind(IDR, OTHER_PICTURE) is PacketKind.ODD


@pytest.mark.parametrize("units", [(), (SEI,), (b"", IDR), (IDR,) * (MAX_UNITS + 1)])
def test_what_is_no_picture_is_odd(units: tuple[bytes, ...]):
    assert kind(*units) is PacketKind.ODD


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_packet_that_ends_within_a_unit_is_odd(cut: int):
    assert kind(IDR, PLAIN, cut=cut) is PacketKind.ODD


def test_every_cut_of_a_record_is_none():
    whole = record()
    assert [read_avc_record(whole[:length]) for length in range(len(whole))] == [None] * len(whole)


@pytest.mark.parametrize(
    "extradata",
    [
        *(record(length_bytes=length) for length in (1, 2, 3)),  # not as our encoder counts; 3 is reserved
        b"\x00\x00\x00\x01" + SEQUENCE + b"\x00\x00\x00\x01" + PICTURE,  # a byte stream's
        HEAD + b"\xff\xe0\x00",  # no sets
    ],
)
def test_other_records_are_none(extradata: bytes):
    assert read_avc_record(extradata) is None
