"""What a media file is, as far as composing it needs to know."""

from dataclasses import dataclass
from fractions import Fraction

HDR_TRANSFERS = ("smpte2084", "arib-std-b67")
SMALL_HEIGHT_PIXELS = 720


def usual_color_matrix(height: int) -> str:
    """How a player takes colours that a file does not name: by the height of the picture, as browsers do."""
    return "smpte170m" if height < SMALL_HEIGHT_PIXELS else "bt709"


@dataclass(frozen=True)
class VideoStream:
    """A video stream. `width` and `height` are those of the coded picture, before rotation and pixel shape."""

    codec: str
    width: int
    height: int
    pixel_format: str
    frame_rate: Fraction  # frames per second: the average, when the rate varies
    frame_count: int
    duration_seconds: float  # of the pictures, from the first to the end of the last
    start_seconds: float = 0.0  # when the first picture is shown
    sample_aspect_ratio: Fraction = Fraction(1)  # width of a pixel / height of a pixel
    rotation_degrees: int = 0  # how far a player turns the picture; 0, 90, 180 or 270
    is_variable_rate: bool = False
    color_transfer: str = ""  # "" for every curve that is not one of HDR_TRANSFERS
    color_matrix: str = ""  # how its YUV was made, in ffmpeg's words: "bt709"; "" when the file does not say
    is_full_range: bool = False  # whether 0 is black and 255 white, not 16 and 235
    is_interlaced: bool = False
    # What follows is for copying packets of H.264 into another file. Pictures are counted from 0 in the order shown.
    parameter_sets: str = ""  # hex of the decoder's configuration (avcC); "" when packets may never be copied
    entry_frames: tuple[int, ...] = ()  # pictures to begin copying with: of the first seconds, and the next after them
    exit_frames: tuple[int, ...] = ()  # n: the first n pictures are the first n packets; of the last seconds likewise
    reorder_frames: int = 0  # the most places that a packet is behind its picture's; 0 without B-frames

    @property
    def is_hdr(self) -> bool:
        return self.color_transfer in HDR_TRANSFERS

    @property
    def displayed_size(self) -> tuple[int, int]:
        """(width, height) as a player shows it, in square pixels, even numbers."""
        width, height = round(self.width * self.sample_aspect_ratio), self.height
        if self.rotation_degrees in (90, 270):
            width, height = height, width
        return max(width // 2 * 2, 2), max(height // 2 * 2, 2)


@dataclass(frozen=True)
class AudioStream:
    """An audio stream."""

    codec: str
    sample_rate_hz: int
    channels: int


@dataclass(frozen=True)
class MediaProbe:
    """A media file."""

    container: str  # ffmpeg's name of the demuxer
    duration_seconds: float
    size_bytes: int
    video: VideoStream | None
    audio: AudioStream | None
