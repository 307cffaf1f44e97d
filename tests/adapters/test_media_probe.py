"""What is read out of real files, and what is refused."""

import socket
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from pipeline.adapters.media_probe import probe_media
from pipeline.domain.errors import UnsupportedMedia
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
