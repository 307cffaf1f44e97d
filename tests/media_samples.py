"""Small real media files, made once a session with the ffmpeg that the project ships."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
from PIL import Image, ImageDraw

SIZE = "160x284"


class MediaSamples:
    """Makes files in `folder`, each once. Durations in seconds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def solid(
        self,
        color: str,
        *,
        seconds: float = 1.0,
        rate: str = "24",
        size: str = SIZE,
        sound_hz: int | None = None,
        options: tuple[str, ...] = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
        suffix: str = ".mp4",
    ) -> Path:
        """A clip of one colour, with a tone or without sound."""
        name = "_".join([color, str(seconds), rate.replace("/", "-"), size, str(sound_hz), *options])
        inputs = ["-f", "lavfi", "-i", f"color={color}:s={size}:r={rate}:d={seconds}"]
        if sound_hz is not None:
            inputs += ["-f", "lavfi", "-i", f"sine=f={sound_hz}:r=48000:d={seconds}", "-c:a", "aac", "-b:a", "96k"]
        return self._made(f"{abs(hash(name)):x}_{color}{suffix}", [*inputs, *options])

    def rotated(self, color: str, *, degrees: int) -> Path:
        """A clip that a player has to turn, counterclockwise."""
        upright = self.solid(color)
        options = ["-display_rotation", str(degrees), "-i", str(upright), "-c", "copy"]
        return self._made(f"rotated_{degrees}_{color}.mp4", options)

    def moving(self, *, seconds: float = 1.0, rate: str = "24", size: str = SIZE, number: int = 0) -> Path:
        """A clip in which every picture differs."""
        source = f"testsrc2=s={size}:r={rate}:d={seconds}:alpha=255"
        return self._made(
            f"moving_{seconds}_{rate.replace('/', '-')}_{size}_{number}.mp4",
            ["-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"],
        )

    def h264(
        self, *, x264: str = "", options: tuple[str, ...] = (), seconds: float = 1.0, suffix: str = ".mp4"
    ) -> Path:
        """A clip in which every picture differs, by x264 with these of its own parameters and these of ffmpeg's."""
        source = f"testsrc2=s={SIZE}:r=24:d={seconds}:alpha=255"
        encoded = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", *options]
        encoded += ["-x264-params", x264] if x264 else []
        name = "_".join([x264, *options, str(seconds)])
        return self._made(f"h264_{abs(hash(name)):x}{suffix}", ["-f", "lavfi", "-i", source, *encoded])

    def trimmed(self, clip: Path, *, since_seconds: float) -> Path:
        """`clip` without its beginning, uncut: what belongs to the group of pictures before is there, but hidden."""
        arguments = ["-ss", str(since_seconds), "-i", str(clip), "-c", "copy"]
        return self._made(f"since_{since_seconds}_{clip.name}", arguments)

    def patched(self, clip: Path, name: str, found: bytes, put: bytes) -> Path:
        """`clip` with the last of `found` replaced: what a header claims, not what is there."""
        content = clip.read_bytes()
        at = content.rindex(found)
        return self.broken(name, content[:at] + put + content[at + len(found) :])

    def music(
        self, *, seconds: float = 2.0, hz: int = 440, options: tuple[str, ...] = ("-c:a", "aac"), suffix: str = ".m4a"
    ) -> Path:
        """A tone."""
        source = f"sine=f={hz}:r=44100:d={seconds}"
        name = "_".join(["music", str(seconds), str(hz), *options]).replace(":", "-") + suffix
        return self._made(name, ["-f", "lavfi", "-i", source, *options])

    def song(self, *, cover: Path) -> Path:
        """A tone with a picture to show meanwhile."""
        inputs = ["-i", str(self.music()), "-i", str(cover), "-map", "0", "-map", "1"]
        return self._made("song.m4a", [*inputs, "-c", "copy", "-disposition:1", "attached_pic"])

    def variable_rate(self) -> Path:
        """A second of 30 pictures a second, most of the later ones left out."""
        source = f"testsrc2=s={SIZE}:r=30:d=1,select=lt(n\\,10)+not(mod(n\\,4))"
        encoded = ["-fps_mode", "vfr", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
        return self._made("variable.mp4", ["-f", "lavfi", "-i", source, *encoded])

    def hdr(self) -> Path:
        """A second of white as HDR cameras write it: 10 bits, BT.2020, PQ."""
        tags = "format=yuv420p10le,setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc"
        return self.solid("white", options=("-vf", tags, "-c:v", "libx264", "-preset", "ultrafast"))

    def truncated(self, clip: Path, *, faststart: bool) -> Path:
        """The first two thirds of `clip`, its index at the front or, and so missing, at the end."""
        flags = ["-movflags", "+faststart"] if faststart else []
        whole = self._made(f"whole_{faststart}_{clip.stem}.mp4", ["-i", str(clip), "-c", "copy", *flags])
        content = whole.read_bytes()
        return self.broken(f"cut_{faststart}_{clip.stem}.mp4", content[: len(content) * 2 // 3])

    def picture(self, *, size: tuple[int, int] = (360, 640)) -> Path:
        """A PNG with something on it."""
        path = self._folder / f"picture_{size[0]}x{size[1]}.png"
        if not path.exists():
            image = Image.new("RGB", size, (40, 90, 160))
            ImageDraw.Draw(image).ellipse((60, 120, size[0] - 60, size[1] - 200), fill=(240, 200, 80))
            image.save(path)
        return path

    def broken(self, name: str, content: bytes) -> Path:
        """A file that is not what its name says."""
        path = self._folder / name
        path.write_bytes(content)
        return path

    def _made(self, name: str, arguments: list[str]) -> Path:
        path = self._folder / name
        if not path.exists():
            command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *arguments, str(path)]
            subprocess.run(command, check=True)
        return path
