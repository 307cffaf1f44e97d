"""What is read out of real files, and what is refused."""

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest

import pipeline
from pipeline.adapters.media_probe import probe_media
from pipeline.adapters.picture_packets import read_picture_packets
from pipeline.domain.errors import SourceTooLarge, UnsupportedMedia
from pipeline.domain.media import VideoStream
from tests.media_samples import MediaSamples

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def video_of(path: Path) -> VideoStream:
    video = probe_media(path).video
    assert video is not None
    return video


@pytest.mark.parametrize("rate", ["24", "30", "60", "24000/1001", "30000/1001"])
def test_rates_and_lengths_are_exact(media_samples: MediaSamples, rate: str):
    video = video_of(media_samples.solid("red", rate=rate))
    assert video.frame_rate == Fraction(rate)
    assert video.frame_count in {round(Fraction(rate)), round(Fraction(rate)) + 1}
    assert video.duration_seconds == pytest.approx(float(video.frame_count / video.frame_rate), abs=1e-4)
    assert (video.codec, video.width, video.height, video.pixel_format) == ("h264", 160, 284, "yuv420p")
    assert not video.is_variable_rate


def test_sound_is_described(media_samples: MediaSamples):
    probe = probe_media(media_samples.solid("red", sound_hz=300))
    assert probe.audio is not None
    assert (probe.audio.codec, probe.audio.sample_rate_hz, probe.audio.channels) == ("aac", 48000, 1)
    assert probe_media(media_samples.solid("red")).audio is None


def test_music_has_no_pictures(media_samples: MediaSamples):
    probe = probe_media(media_samples.music(seconds=2))
    assert (probe.video, probe.duration_seconds) == (None, pytest.approx(2, abs=0.1))
    assert probe.audio is not None


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_clip_shows_turned(media_samples: MediaSamples, degrees: int):
    video = video_of(media_samples.rotated("red", degrees=-degrees % 360))
    assert video.rotation_degrees == degrees
    assert video.displayed_size == ((160, 284) if degrees == 180 else (284, 160))


def test_pixels_that_are_not_square_are_noticed(media_samples: MediaSamples):
    video = video_of(media_samples.solid("red", options=("-vf", "setsar=2/1", *X264)))
    assert (video.sample_aspect_ratio, video.displayed_size) == (Fraction(2), (320, 284))


def test_a_varying_rate_is_noticed_and_its_length_is_right(media_samples: MediaSamples):
    video = video_of(media_samples.variable_rate())
    assert video.is_variable_rate
    assert video.duration_seconds == pytest.approx(1.0, abs=0.15)


def test_a_rate_that_changes_slowly_is_noticed_although_no_picture_is_much_longer_than_the_others(
    media_samples: MediaSamples,
):
    """Half of it a fifth slower, half a fifth faster: its pictures are up to two places from where they should be."""
    slower_then_faster = "settb=1/24000,setpts='if(lt(N,12),N*1200,14400+(N-12)*800)'"
    options = ("-vf", slower_then_faster, "-fps_mode", "passthrough", "-enc_time_base", "1/24000", *X264)
    video = video_of(media_samples.solid("red", options=options))
    assert (video.is_variable_rate, video.frame_count) == (True, 24)
    assert video.duration_seconds == pytest.approx(1.0, abs=0.02)


def test_a_clip_of_one_picture_lasts_as_long_as_that(media_samples: MediaSamples):
    video = video_of(media_samples.solid("red", seconds=1 / 24))
    assert (video.frame_count, video.duration_seconds) == (1, pytest.approx(1 / 24, abs=1e-4))


def test_webm_is_read(media_samples: MediaSamples):
    path = media_samples.solid("red", rate="30", options=("-c:v", "libvpx-vp9", "-cpu-used", "8"), suffix=".webm")
    video = video_of(path)
    assert (video.codec, video.frame_count, video.is_variable_rate) == ("vp9", 30, False)
    assert video.frame_rate == 30


def test_hdr_is_noticed(media_samples: MediaSamples):
    video = video_of(media_samples.hdr())
    assert (video.is_hdr, video.color_transfer, video.color_matrix) == (True, "smpte2084", "bt2020nc")
    assert not video_of(media_samples.solid("white")).is_hdr


def test_clips_encoded_alike_have_the_same_parameter_sets_and_others_do_not(media_samples: MediaSamples):
    red, blue = video_of(media_samples.solid("red")), video_of(media_samples.solid("blue"))
    other = video_of(media_samples.solid("blue", options=("-c:v", "libx264", "-pix_fmt", "yuv420p")))
    assert red.parameter_sets == blue.parameter_sets
    assert len({"", blue.parameter_sets, other.parameter_sets}) == 3


@pytest.mark.parametrize(
    ("options", "matrix", "is_full_range"),
    [
        ((), "", False),
        (("-colorspace", "bt709"), "bt709", False),
        (("-colorspace", "bt470bg"), "bt470bg", False),
        (("-colorspace", "smpte170m", "-color_range", "pc"), "smpte170m", True),
        (("-vf", "format=gbrp", "-c:v", "libx264rgb", "-pix_fmt", "rgb24"), "gbr", True),
        (("-c:v", "libvpx-vp9", "-cpu-used", "8", "-colorspace", "bt2020nc"), "bt2020nc", False),
    ],
)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_colours_are_told(
    media_samples: MediaSamples, options: tuple[str, ...], matrix: str, is_full_range: bool, suffix: str
):
    video = video_of(media_samples.h264(options=options, seconds=0.25, suffix=suffix))
    assert (video.color_matrix, video.is_full_range) == (matrix, is_full_range)


@pytest.mark.parametrize(
    ("options", "suffix", "described"),
    [
        (("-c:a", "aac"), ".aac", ("aac", 44100, 1)),
        (("-c:a", "pcm_s16le", "-ac", "2"), ".mov", ("pcm_s16le", 44100, 2)),
        (("-c:a", "pcm_s24le"), ".wav", ("pcm_s24le", 44100, 1)),
        (("-c:a", "libmp3lame"), ".mp3", ("mp3float", 44100, 1)),
        (("-c:a", "flac", "-ac", "2"), ".flac", ("flac", 44100, 2)),
        (("-c:a", "libopus"), ".webm", ("opus", 48000, 1)),
        (("-c:a", "libvorbis", "-ac", "2"), ".ogg", ("vorbis", 44100, 2)),
        (("-c:a", "aac", "-ac", "6"), ".mkv", ("aac", 44100, 6)),
    ],
)
def test_all_kinds_of_sound_are_described(
    media_samples: MediaSamples, options: tuple[str, ...], suffix: str, described: tuple[str, int, int]
):
    probe = probe_media(media_samples.music(options=options, suffix=suffix))
    assert probe.audio is not None
    assert (probe.audio.codec, probe.audio.sample_rate_hz, probe.audio.channels) == described
    assert probe.duration_seconds == pytest.approx(2, abs=0.1)


def test_the_cover_of_a_song_is_not_looked_at(media_samples: MediaSamples):
    probe = probe_media(media_samples.song(cover=media_samples.picture()))
    assert (probe.video, probe.audio is not None) == (None, True)


SIZE = struct.pack(">HH", 160, 284)
JPEG = ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-frames:v", "1")


def claims(media_samples: MediaSamples) -> list[Path]:
    """Files of huge pictures: they say so, and have small ones; or they do not say so, and have them."""
    vp9 = media_samples.h264(seconds=0.25, options=("-c:v", "libvpx-vp9", "-cpu-used", "8"))
    png = media_samples.h264(seconds=0.25, options=("-c:v", "png", "-pix_fmt", "rgb24"), suffix=".mov")
    jpeg = media_samples.h264(seconds=0.25, options=JPEG, suffix=".mov")
    matroska = media_samples.solid("red", size="320x568", suffix=".mkv")
    h264 = media_samples.solid("red", seconds=1 / 24, size="4112x4096")
    hidden = media_samples.solid("red", seconds=1 / 24, size="12000x12000", options=JPEG, suffix=".mov")
    put = [(clip, SIZE, struct.pack(">HH", 30_000, 30_000)) for clip in (media_samples.h264(), vp9, png, jpeg)]
    put += [(matroska, b"\xb0\x82\x01\x40\xba\x82\x02\x38", b"\xb0\x82\x75\x30\xba\x82\x75\x30")]
    put += [(h264, struct.pack(">HH", 4112, 4096), SIZE), (hidden, struct.pack(">HH", 12000, 12000), SIZE)]
    return [media_samples.patched(clip, f"claim_{clip.name}", found, claim) for clip, found, claim in put]


MEMORY = """
import sys
from pathlib import Path
from pipeline.adapters.media_probe import probe_media
from pipeline.domain.errors import SourceTooLarge

def peak_mb():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024

probe_media(Path(sys.argv[1]))
before = peak_mb()
for name in sys.argv[2:]:
    try:
        probe_media(Path(name))
    except SourceTooLarge:
        print("refused")
print(peak_mb() - before)
"""


def test_huge_pictures_are_refused_before_there_is_memory_for_them(media_samples: MediaSamples):
    files = [media_samples.h264(), *claims(media_samples)]
    environment = {**os.environ, "PYTHONPATH": str(Path(pipeline.__path__[0]).parent)}
    command = [sys.executable, "-c", MEMORY, *map(str, files)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    *refused, grown_mb = done.stdout.split()
    assert refused == ["refused"] * (len(files) - 1)
    assert int(grown_mb) < 150


def test_the_largest_pictures_are_let_through(media_samples: MediaSamples):
    video = video_of(media_samples.solid("red", seconds=0.05, size="4096x4096"))
    assert (video.width, video.height) == (4096, 4096)


def test_more_pictures_than_an_hour_has_are_refused(media_samples: MediaSamples):
    clip = str(media_samples.h264(seconds=0.5))
    with av.open(clip) as container, pytest.raises(SourceTooLarge, match="more than 10 pictures"):
        read_picture_packets(container, container.streams.video[0], max_pictures=10)


SUBTITLE = b"1\n00:00:00,000 --> 00:00:01,000\nHello\n"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("page.mp4", b"<html><body>Not found</body></html>" * 40, "no media that can be read"),
        ("empty.mp4", b"", "The file is empty"),
        ("list.mp4", b"ffconcat version 1.0\nfile /etc/passwd\n", "no media that can be read"),
        ("words.mp4", SUBTITLE, "no media that can be read"),
        ("noise.mp4", bytes(range(256)) * 64, "no media that can be read"),
    ],
)
def test_what_is_no_media_is_refused(
    media_samples: MediaSamples, capfd: pytest.CaptureFixture[str], name: str, content: bytes, sentence: str
):
    with pytest.raises(UnsupportedMedia, match=sentence):
        probe_media(media_samples.broken(name, content))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("codec", ["libx264", "png", "mjpeg"])
def test_pictures_of_noise_are_damaged_not_huge(media_samples: MediaSamples, codec: str):
    content = media_samples.h264(options=("-c:v", codec), suffix=".mov").read_bytes()
    start, end = content.index(b"mdat") + 4, content.rindex(b"moov") - 4
    noise = (b"\x00\x00\x00\x02\x65\x80" * (end - start))[: end - start]
    with pytest.raises(UnsupportedMedia, match=r"damaged|Not one picture"):
        probe_media(media_samples.broken(f"noise_{codec}.mov", content[:start] + noise + content[end:]))


@pytest.mark.parametrize("faststart", [True, False])
@pytest.mark.parametrize("kind", ["clip", "music"])
def test_a_file_that_is_cut_short_is_refused(media_samples: MediaSamples, faststart: bool, kind: str):
    whole = media_samples.moving() if kind == "clip" else media_samples.music()
    sentence = "cut short: [0-9]+ of [0-9]+" if faststart else "damaged"
    with pytest.raises(UnsupportedMedia, match=sentence):
        probe_media(media_samples.truncated(whole, faststart=faststart))


@pytest.mark.parametrize(
    "playlist",
    [
        lambda url: f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n",
        lambda url: f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXTINF:1,\n{url}\n",
        lambda url: f"ffconcat version 1.0\nfile '{url}'\n",
    ],
)
def test_a_playlist_is_refused_and_nothing_in_it_is_opened(media_samples: MediaSamples, playlist: Callable[[str], str]):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x.ts"
        with pytest.raises(UnsupportedMedia, match="no media that can be read"):
            probe_media(media_samples.broken("playlist.mp4", playlist(url).encode()))
        with pytest.raises(BlockingIOError):
            server.accept()


def test_pictures_or_sound_in_a_codec_that_nobody_knows_are_refused_by_name(media_samples: MediaSamples):
    clip = media_samples.patched(media_samples.solid("red"), "unknown.mp4", b"avc1", b"zzzz")
    wave = media_samples.music(options=("-c:a", "pcm_s16le"), suffix=".wav")
    sound = media_samples.patched(wave, "unknown.wav", b"fmt \x10\0\0\0\1\0", b"fmt \x10\0\0\0zz")
    for odd in (clip, sound):
        with pytest.raises(UnsupportedMedia, match="codec"):
            probe_media(odd)
