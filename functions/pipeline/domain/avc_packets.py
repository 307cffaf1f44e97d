"""H.264 as MP4 and Matroska keep it: parameter sets apart, in a configuration record, and packets of counted units.

Source: ISO/IEC 14496-15, 5.3.3 (AVCDecoderConfigurationRecord); ISO/IEC 14496-10, table 7-1 (types of NAL units).
"""

from dataclasses import dataclass
from enum import Enum

from pipeline.domain.parameter_sets import free_id, read_parameter_sets

SLICES = (1, 2, 3, 4, 5)  # coded slices, with and without data partitioning
IDR_SLICE = 5
PARAMETER_SETS = (7, 8, 13, 15)  # of sequences, of pictures, and their extensions
ENCODED_LENGTH_BYTES = 4  # of our encoder; one file has one length for all its pictures
MAX_UNITS = 256
"""Of one packet: level 5.2 allows fewer slices in a picture of any size that is composed here."""


class PacketKind(Enum):
    """What a packet is for someone who wants to copy it."""

    IDR = "a picture that needs none before it, nor does any after it"
    OTHER = "a picture that may need others"
    ODD = "not understood, or it changes the parameter sets: not to be copied"


@dataclass(frozen=True, slots=True)
class AvcRecord:
    """What of a configuration record is needed to look into packets."""

    content: bytes  # all of it
    length_bytes: int  # of the count before each unit
    parameter_sets: frozenset[bytes]

    def kind(self, packet: memoryview) -> PacketKind:
        """Look at the types of all units of `packet`."""
        at, end, step, units, first_slice = 0, len(packet), self.length_bytes, 0, 0
        while at < end:
            begin = at + step
            at = begin + int.from_bytes(packet[at:begin], "big")
            units += 1
            if not begin < at <= end or units > MAX_UNITS:
                return PacketKind.ODD
            unit_type = packet[begin] & 31
            if unit_type in SLICES:
                first_slice = first_slice or unit_type
            elif unit_type in PARAMETER_SETS and bytes(packet[begin:at]) not in self.parameter_sets:
                return PacketKind.ODD
        if not first_slice:
            return PacketKind.ODD
        return PacketKind.IDR if first_slice == IDR_SLICE else PacketKind.OTHER


def read_avc_record(extradata: bytes) -> AvcRecord | None:
    """The record in a decoder's `extradata`; None when it is not understood, or that of our encoder cannot join it."""
    try:
        sets = read_parameter_sets(extradata)
        free_id(extradata)
    except ValueError:
        return None
    units = frozenset((*sets.sequence_sets, *sets.picture_sets))
    return (
        AvcRecord(extradata, sets.length_bytes, units) if units and sets.length_bytes == ENCODED_LENGTH_BYTES else None
    )
