"""The parameter sets of H.264 streams: what a decoder must know before the first picture.

A file has them in one record (`avcC`) for all its pictures. Streams that were encoded differently can share a file if
their sets have different ids and the record holds both: every picture names the set that it was made with.

    clips as they came   SPS 0, PPS 0 ─┐
                                       ├──> one avcC ── each IDR picture activates its own
    joints, encoded now  SPS 1, PPS 1 ─┘

Sources: ISO/IEC 14496-15 (AVCDecoderConfigurationRecord), ITU-T H.264 7.3.2 (the ids are Exp-Golomb codes).
"""

from collections.abc import Sequence
from dataclasses import dataclass

HIGH_PROFILES = (100, 110, 122, 144)
LARGEST_ID = 31  # of an SPS; of a PPS it is 255, but our encoder gives both the same
MAX_SEQUENCE_SETS, MAX_PICTURE_SETS = 31, 255  # of one record


@dataclass(frozen=True)
class ParameterSets:
    """An avcC record, taken apart."""

    profile: int
    constraints: int
    level: int
    length_size_byte: int
    sequence_sets: tuple[bytes, ...]
    picture_sets: tuple[bytes, ...]
    tail: bytes  # chroma format and bit depths, for the high profiles

    @property
    def length_bytes(self) -> int:
        """Of the count before each unit of a packet."""
        return (self.length_size_byte & 3) + 1

    @property
    def ids(self) -> frozenset[int]:
        """All ids that are taken, of either kind."""
        sequence_ids = (_first_code(sequence_set[4:]) for sequence_set in self.sequence_sets)
        picture_ids = (_first_code(picture_set[1:]) for picture_set in self.picture_sets)
        return frozenset((*sequence_ids, *picture_ids))


def read_parameter_sets(record: bytes) -> ParameterSets:
    """Take an avcC record apart. Raises ValueError when it is none, or cut short."""
    try:
        if record[0] != 1:
            raise ValueError("this is no avcC record of version 1")
        sequence_sets, position = _units(record, 6, record[5] & 0x1F)
        picture_sets, position = _units(record, position + 1, record[position])
        head = record[1], record[2], record[3], record[4]
    except IndexError as error:
        raise ValueError("the avcC record is cut short") from error
    return ParameterSets(*head, sequence_sets, picture_sets, record[position:])


def free_id(record: bytes) -> int:
    """The smallest id that no set of the record has; 0 for an empty one.

    Raises ValueError when all are taken, or the record has no room for one more of each kind.
    """
    if not record:
        return 0
    sets = read_parameter_sets(record)
    taken = sets.ids
    free = [number for number in range(LARGEST_ID + 1) if number not in taken]
    if not free or len(sets.sequence_sets) >= MAX_SEQUENCE_SETS or len(sets.picture_sets) >= MAX_PICTURE_SETS:
        raise ValueError("the record has no room for more parameter sets")
    return free[0]


def merge_parameter_sets(records: Sequence[bytes]) -> bytes:
    """One avcC record for streams whose sets have different ids.

    Raises ValueError when two have the same, when there are too many, or when the streams count bytes differently.
    """
    parts = [read_parameter_sets(record) for record in dict.fromkeys(records)]
    if len(parts) == 1:
        return records[0]
    if len({part.length_bytes for part in parts}) > 1:
        raise ValueError("the streams measure their units differently")
    if sum(len(part.ids) for part in parts) != len(frozenset().union(*(part.ids for part in parts))):
        raise ValueError("two streams use the same id for different parameter sets")
    sequence_sets = [one for part in parts for one in part.sequence_sets]
    picture_sets = [one for part in parts for one in part.picture_sets]
    if len(sequence_sets) > MAX_SEQUENCE_SETS or len(picture_sets) > MAX_PICTURE_SETS:
        raise ValueError("the streams have more parameter sets than fit into one record")
    constraints = parts[0].constraints
    for part in parts:
        constraints &= part.constraints  # what all streams keep to
    profile = max(part.profile for part in parts)
    head = bytes([1, profile, constraints, max(part.level for part in parts), parts[0].length_size_byte])
    tail = next((part.tail for part in parts if part.tail), b"") if profile in HIGH_PROFILES else b""
    sequences = bytes([0xE0 | len(sequence_sets)]) + b"".join(map(_sized, sequence_sets))
    pictures = bytes([len(picture_sets)]) + b"".join(map(_sized, picture_sets))
    return head + sequences + pictures + tail


def _units(record: bytes, position: int, count: int) -> tuple[tuple[bytes, ...], int]:
    units = []
    for _ in range(count):
        size = int.from_bytes(record[position : position + 2])
        unit = record[position + 2 : position + 2 + size]
        if len(unit) != size or size < 2:
            raise ValueError("the avcC record is cut short")
        units.append(unit)
        position += 2 + size
    return tuple(units), position


def _sized(unit: bytes) -> bytes:
    return len(unit).to_bytes(2) + unit


def _first_code(data: bytes) -> int:
    """The Exp-Golomb code that `data` begins with."""
    bits = "".join(f"{byte:08b}" for byte in data[:8])
    zeros = len(bits) - len(bits.lstrip("0"))
    return int(bits[zeros : 2 * zeros + 1], 2) - 1
