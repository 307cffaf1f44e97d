"""What was learnt about a media file, as a line of text that a document can keep, and back.

One string a file: a document's limits count every field of a map, and fractions have no type in Firestore.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict
from fractions import Fraction
from itertools import groupby

from pipeline.domain.media import AudioStream, MediaProbe, VideoStream
from pipeline.domain.schema_versions import known

FRACTIONS = ("frame_rate", "sample_aspect_ratio")
NUMBERS = ("entry_frames", "exit_frames")


def media_record(probe: MediaProbe) -> str:
    """A probe as JSON of about 800 characters; fractions are written `24000/1001`, lists of frames `0-12,24`."""
    fields = asdict(probe)
    if probe.video is not None:
        fields["video"] |= {name: _ranges(getattr(probe.video, name)) for name in NUMBERS}
    return json.dumps(fields, default=str, separators=(",", ":"))


def recorded_media(record: str) -> MediaProbe:
    """The probe that `media_record` wrote down."""
    fields = json.loads(record)
    video, audio = fields.pop("video"), fields.pop("audio")
    return MediaProbe(
        **known(MediaProbe, fields),
        video=_video(known(VideoStream, video)) if video else None,
        audio=AudioStream(**known(AudioStream, audio)) if audio else None,
    )


def _video(fields: dict[str, object]) -> VideoStream:
    exact = {name: Fraction(str(fields[name])) for name in FRACTIONS}
    listed = {name: _numbers(str(fields[name])) for name in NUMBERS}
    return VideoStream(**{**fields, **exact, **listed})  # type: ignore[arg-type]


def _ranges(numbers: Iterable[int]) -> str:
    """Ascending numbers as text: runs of neighbours are written `first-last`."""
    runs = [[number for _, number in run] for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _numbers(ranges: str) -> tuple[int, ...]:
    runs = (run.partition("-") for run in ranges.split(",") if run)
    return tuple(number for first, _, last in runs for number in range(int(first), int(last or first) + 1))
