"""Clips to compose, of every kind that users have, made once a session with the ffmpeg that the project ships."""

import hashlib
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

SIZE = "160x284"
X264 = ("-c:v", "libx264", "-preset", "veryfast")
TAGS = "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
NO_TAGS = "setparams=colorspace=unknown:color_primaries=unknown:color_trc=unknown:range=unknown"
BT709 = "scale=out_color_matrix=bt709:out_range=tv,format={}," + TAGS
IN_BT709 = BT709.format("yuv420p")
HDR = "zscale=tin=bt709:min=gbr:pin=bt709:rin=pc:t={}:m=bt2020nc:p=bt2020:r=tv:npl=203,format=yuv420p10le"
MOVING = (
    "testsrc2=s={size}:r={rate}:d={seconds}",
    "mandelbrot=s={size}:r={rate}:end_scale=0.05:maxiter=200,trim=duration={seconds}",
    "gradients=s={size}:r={rate}:d={seconds}:n=4:speed=0.08:seed=7",
)


@dataclass(frozen=True)
class Kind:
    """How a clip of one colour is made. `form` is a filter that is given RGB."""

    form: str = IN_BT709
    options: tuple[str, ...] = X264
    size: str = SIZE
    rate: str = "24"
    suffix: str = ".mp4"
    seconds: float = 1.0
    keeps_hue_only: bool = False  # HDR is mapped, which is a matter of taste


KINDS = {
    "other settings": Kind(options=("-c:v", "libx264", "-preset", "medium", "-profile:v", "main")),
    "open groups": Kind(options=("-c:v", "libx264", "-x264-params", "open-gop=1:keyint=10:bframes=3")),
    "constrained baseline": Kind(options=("-c:v", "libx264", "-profile:v", "baseline")),
    "another size": Kind(size="320x180"),
    "another rate": Kind(rate="30"),
    "a broadcast rate": Kind(rate="30000/1001"),
    "VP9": Kind(options=("-c:v", "libvpx-vp9", "-cpu-used", "8"), suffix=".webm"),
    "HEVC": Kind(options=("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error")),
    "ProRes": Kind(BT709.format("yuv422p10le"), ("-c:v", "prores_ks"), suffix=".mov"),
    "MPEG-4": Kind(options=("-c:v", "mpeg4", "-q:v", "2")),
    "10 bits": Kind(BT709.format("yuv420p10le")),
    "4:4:4": Kind(BT709.format("yuv444p")),
    "RGB": Kind("format=gbrp", ("-c:v", "libx264rgb", "-preset", "veryfast", "-colorspace", "rgb")),
    "full range": Kind(
        "scale=out_color_matrix=bt709:out_range=pc,format=yuvj420p", (*X264, "-color_range", "pc", "-colorspace", "1")
    ),
    "BT.601": Kind(
        "scale=out_color_matrix=bt601:out_range=tv,format=yuv420p,setparams=colorspace=smpte170m:range=tv", X264
    ),
    "HDR of PQ": Kind(HDR.format("smpte2084"), keeps_hue_only=True),
    "HDR of HLG": Kind(HDR.format("arib-std-b67"), keeps_hue_only=True),
    "interlaced": Kind(f"{IN_BT709},setfield=tff", (*X264, "-flags", "+ilme+ildct", "-x264-params", "tff=1")),
    "odd edges": Kind(size="161x285", options=("-c:v", "libx264", "-preset", "veryfast"), form=BT709.format("yuv444p")),
    "wide pixels": Kind(f"{IN_BT709},setsar=2/1"),
    "a varying rate": Kind(f"{IN_BT709},select=lt(n\\,10)+not(mod(n\\,4))", (*X264, "-fps_mode", "vfr"), rate="30"),
    "one picture": Kind(seconds=1 / 24),
}


class CompositionClips:
    """Makes files in `folder`, each once. Durations in seconds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepared(
        self,
        content: int | str = 0,
        *,
        seconds: float = 2.0,
        fade_seconds: float = 0.5,
        rate: str = "24",
        crf: int = 18,
        sound_hz: int | None = None,
        names_colors: bool = True,
    ) -> Path:
        """A clip as the pipeline keeps them: a picture to cut at where fades end and begin.

        `content` is a colour, or the number of something that moves.
        """
        shown = f"color={content}:s={SIZE}:r={rate}:d={seconds}"
        if isinstance(content, int):
            shown = MOVING[content % len(MOVING)].format(size=SIZE, rate=rate, seconds=seconds)
        source = f"{shown},format=gbrp,{IN_BT709},{TAGS if names_colors else NO_TAGS}"
        keyframes = f"{fade_seconds},{seconds - fade_seconds}"
        encoded = [*X264, "-crf", str(crf), "-x264-params", "open-gop=0:stitchable=1", "-force_key_frames", keyframes]
        return self._made(source, encoded, sound=_tone(sound_hz, seconds))

    def of_kind(self, name: str, color: str, *, seconds: float | None = None) -> Path:
        """A clip of one colour, without sound."""
        kind = KINDS[name]
        source = f"color={color}:s={kind.size}:r={kind.rate}:d={seconds or kind.seconds},format=gbrp,{kind.form}"
        return self._made(source, kind.options, suffix=kind.suffix)

    def turned(self, color: str) -> Path:
        """A clip that lies on its side, and says so."""
        lying = self.of(f"color={color}:s=284x160:r=24:d=1")
        return self._file(["-display_rotation", "90", "-i", str(lying), "-c", "copy"])

    def late(self, clip: Path, *, seconds: float) -> Path:
        """The same packets, shown so much later."""
        return self._file(["-itsoffset", str(seconds), "-i", str(clip), "-c", "copy", "-copyts"])

    def with_sound(
        self, color: str, sound: Sequence[str], *, sound_from: float = 0.0, pictures_from: float = 0.0
    ) -> Path:
        """A second of one colour; `sound` are ffmpeg's arguments for its sound. Both may begin late."""
        source = f"color={color}:s={SIZE}:r=24:d=1,format=gbrp,{IN_BT709}"
        return self._made(source, X264, sound=[*_from(sound_from), *sound], before=_from(pictures_from))

    def of(self, source: str, *options: str) -> Path:
        """A clip that shows what a graph of ffmpeg's filters makes."""
        return self._made(f"{source},format=gbrp,{IN_BT709}", options or X264)

    def _made(
        self,
        source: str,
        options: Sequence[str],
        *,
        sound: Sequence[str] = (),
        before: Sequence[str] = (),
        suffix: str = ".mp4",
    ) -> Path:
        return self._file([*before, "-f", "lavfi", "-i", source, *sound, *options], suffix)

    def _file(self, arguments: Sequence[str], suffix: str = ".mp4") -> Path:
        """What ffmpeg makes of these arguments."""
        path = self._folder / (hashlib.sha256(repr(arguments).encode()).hexdigest()[:16] + suffix)
        if not path.exists():
            command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", *arguments, str(path)]
            subprocess.run(command, check=True)
        return path


def _from(seconds: float) -> list[str]:
    return ["-itsoffset", str(seconds)] if seconds else []


def _tone(hz: int | None, seconds: float) -> list[str]:
    """A sound track; one of 0 Hz is silent."""
    if hz is None:
        return []
    source = f"sine=f={hz}:r=48000:d={seconds}" if hz else f"anullsrc=r=48000:cl=mono,atrim=duration={seconds}"
    return ["-f", "lavfi", "-i", source, "-c:a", "aac", "-b:a", "96k"]
