"""What was learnt about a media file, as a line of text that a document can keep, and back.

One string a file: a document's limits count every field of a map, and fractions have no type in Firestore.
"""

import json
from dataclasses import asdict
from fractions import Fraction

from pipeline.domain.media import AudioStream, MediaProbe, VideoStream


def media_record(probe: MediaProbe) -> str:
    """A probe as JSON of about 600 characters; fractions are written `24000/1001`."""
    return json.dumps(asdict(probe), default=str, separators=(",", ":"))


def recorded_media(record: str) -> MediaProbe:
    """The probe that `media_record` wrote down."""
    fields = json.loads(record)
    video, audio = fields.pop("video"), fields.pop("audio")
    return MediaProbe(**fields, video=_video(video) if video else None, audio=AudioStream(**audio) if audio else None)


def _video(fields: dict[str, object]) -> VideoStream:
    exact = {name: Fraction(str(fields[name])) for name in ("frame_rate", "sample_aspect_ratio")}
    return VideoStream(**{**fields, **exact})  # type: ignore[arg-type]
