"""The form of a video: the size and rate that every clip of it is brought to. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from pipeline.domain.media import VideoStream

MAX_FRAME_RATE = Fraction(60)
UNSEEN_STRETCH = Fraction(1, 100)
RATE_ROUNDING = Fraction(1, 5000)  # 24000/1001 and 24 are five times as far apart
USUAL_RATES = (
    *(Fraction(1000 * rate, 1001) for rate in (24, 30, 60)),
    *map(Fraction, (24, 25, 30, 50, 60)),
)


@dataclass(frozen=True)
class VideoForm:
    """Size in pixels, frames per second; always square pixels and yuv420p."""

    width: int
    height: int
    frame_rate: Fraction

    @property
    def pixels(self) -> int:
        return self.width * self.height

    @property
    def ticks_per_second(self) -> int:
        """The clock of the video's track: a frame lasts a whole number of its ticks."""
        return self.frame_rate.numerator * (1 if self.frame_rate.numerator > 1000 else 1000)

    def is_kept_by(self, stream: VideoStream) -> bool:
        """Whether the stream's own pictures are the frames, one by one."""
        return not stream.is_variable_rate and _is_rounded(stream.frame_rate, self.frame_rate)

    def frames_of(self, stream: VideoStream) -> int:
        """How many frames the stream becomes."""
        if self.is_kept_by(stream):
            return stream.frame_count
        return max(1, round(stream.duration_seconds * self.frame_rate))

    def fitted(self, stream: VideoStream) -> tuple[int, int]:
        """The largest (width, height) of the stream's shape inside the form, even numbers.

        A shape that differs by a hair fills it: no hairline bars.
        """
        width, height = stream.displayed_size
        share = min(Fraction(self.width, width), Fraction(self.height, height))
        if min(width * share / self.width, height * share / self.height) > 1 - UNSEEN_STRETCH:
            return self.width, self.height
        return max(int(width * share) // 2 * 2, 2), max(int(height * share) // 2 * 2, 2)


def majority_form(streams: Sequence[VideoStream]) -> VideoForm:
    """The size and rate that most seconds of the material have; the earlier clip's when two have as many."""
    sizes: Counter[tuple[int, int]] = Counter()
    rates: Counter[Fraction] = Counter()
    for stream in streams:
        milliseconds = round(stream.duration_seconds * 1000)
        sizes[stream.displayed_size] += milliseconds
        rates[usual_rate(stream)] += milliseconds
    width, height = sizes.most_common(1)[0][0]
    return VideoForm(width, height, rates.most_common(1)[0][0])


def usual_rate(stream: VideoStream) -> Fraction:
    """The stream's own rate; the nearest usual one when it varies, is out of bounds, or is that but for rounding."""
    nearest = min(USUAL_RATES, key=lambda rate: abs(rate - stream.frame_rate))
    if stream.is_variable_rate or not 1 <= stream.frame_rate <= MAX_FRAME_RATE:
        return nearest
    return nearest if _is_rounded(stream.frame_rate, nearest) else stream.frame_rate


def _is_rounded(said: Fraction, rate: Fraction) -> bool:
    return abs(said - rate) < rate * RATE_ROUNDING
