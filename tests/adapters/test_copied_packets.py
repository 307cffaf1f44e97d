"""The points that a probe names, proven: packets copied up to or from there decode to exactly the pictures meant."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import imageio_ffmpeg
import pytest

from pipeline.adapters.media_probe import probe_media
from pipeline.domain.media import VideoStream
from tests.media_samples import MediaSamples

CLIPS = {
    "B-frames, keyframes where asked for": {"x264": "bframes=3", "options": ("-force_key_frames", "0.3,0.75")},
    "open groups": {"x264": "open-gop=1:keyint=8:min-keyint=8:bframes=2:scenecut=0"},
    "no B-frames": {"x264": "bframes=0:keyint=9:scenecut=0"},
    "pyramids": {"x264": "bframes=5:b-pyramid=normal:b-adapt=0:keyint=12:scenecut=0"},
    "parameter sets in packets": {"x264": "repeat-headers=1:keyint=10:scenecut=0"},
    "several slices": {"x264": "slices=4:keyint=12:bframes=2:scenecut=0"},
}


def probed(path: Path) -> VideoStream:
    video = probe_media(path).video
    assert video is not None
    return video


def decoded(path: Path) -> list[str]:
    """A hash of each picture, in the order shown. Any complaint of the decoder fails the test."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "warning", "-nostdin", "-xerror", "-err_detect", "explode"]
    command += [
        "-threads",
        "1",
        "-i",
        str(path),
        "-fps_mode",
        "passthrough",
        "-f",
        "framehash",
        "-hash",
        "murmur3",
        "-",
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stderr == ""
    return [line.split(",")[-1].strip() for line in done.stdout.splitlines() if not line.startswith("#")]


def copied(clip: Path, to: Path, keep: Callable[[int], bool]) -> Path:
    """Those packets of `clip`, numbered in the order of decoding, that are to be kept."""
    with av.open(str(clip)) as source, av.open(str(to), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(source.streams.video[0])):
            if packet.size and keep(number):
                packet.stream = stream
                target.mux(packet)
    return to


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("kind", CLIPS)
def test_packets_may_be_cut_where_the_probe_says(media_samples: MediaSamples, tmp_path: Path, kind: str, suffix: str):
    clip = media_samples.h264(**CLIPS[kind], suffix=suffix)
    video, pictures = probed(clip), decoded(clip)
    assert len(set(pictures)) == len(pictures) == video.frame_count == video.exit_frames[-1]
    assert video.entry_frames[0] == 0
    for frame in video.exit_frames[:-1]:
        until = copied(clip, tmp_path / f"until_{frame}{suffix}", lambda number, frame=frame: number < frame)
        assert decoded(until) == pictures[:frame]
    for frame in video.entry_frames[1:]:
        since = copied(clip, tmp_path / f"since_{frame}{suffix}", lambda number, frame=frame: number >= frame)
        assert decoded(since) == pictures[frame:]


def test_what_the_points_are(media_samples: MediaSamples):
    def points(kind: str) -> VideoStream:
        return probed(media_samples.h264(**CLIPS[kind]))

    assert points("B-frames, keyframes where asked for").entry_frames == (0, 8, 18)
    assert points("B-frames, keyframes where asked for").reorder_frames > 0
    assert points("open groups").entry_frames == (0,)
    assert points("no B-frames").entry_frames == (0, 9, 18)
    assert (points("no B-frames").exit_frames, points("no B-frames").reorder_frames) == (tuple(range(1, 25)), 0)
    intra_only = probed(media_samples.h264(x264="keyint=1", seconds=0.5))
    assert (intra_only.entry_frames, intra_only.exit_frames) == (tuple(range(12)), tuple(range(1, 13)))


def test_reordering_is_told(media_samples: MediaSamples):
    for kind, places in [("no B-frames", 0), ("open groups", 1), ("pyramids", 2)]:
        assert probed(media_samples.h264(**CLIPS[kind])).reorder_frames == places


def test_elsewhere_packets_may_not_be_cut(media_samples: MediaSamples, tmp_path: Path):
    clip = media_samples.h264(**CLIPS["pyramids"])
    video, pictures = probed(clip), decoded(clip)
    others = sorted({*range(1, video.frame_count)} - {*video.exit_frames})
    assert len(others) > 8
    for frame in others[:4]:
        until = copied(clip, tmp_path / f"until_{frame}.mp4", lambda number, frame=frame: number < frame)
        assert decoded(until) != pictures[:frame]


@pytest.mark.parametrize(
    "made",
    [
        {"x264": "interlaced=1"},
        {"options": ("-c:v", "libx265", "-x265-params", "log-level=error")},
        {"options": ("-c:v", "mpeg4")},
    ],
)
def test_other_streams_are_never_copied(media_samples: MediaSamples, made: dict[str, str | tuple[str, ...]]):
    video = probed(media_samples.h264(**made))  # type: ignore[arg-type]
    assert (video.parameter_sets, video.entry_frames, video.exit_frames, video.reorder_frames) == ("", (), (), 0)
    assert video.is_interlaced == ("x264" in made)


def test_a_clip_that_begins_amid_a_group_is_never_copied(media_samples: MediaSamples, tmp_path: Path):
    whole = media_samples.h264(x264="keyint=12:scenecut=0")
    late = copied(whole, tmp_path / "late.mp4", lambda number: number >= 5)
    assert probed(late).frame_count == 19
    assert probed(late).parameter_sets == ""


def test_a_clip_of_which_an_edit_hides_pictures_is_never_copied(media_samples: MediaSamples):
    whole = media_samples.h264(x264="keyint=12:scenecut=0")
    hidden = probed(media_samples.trimmed(whole, since_seconds=0.7))
    assert hidden.frame_count < 12
    assert hidden.parameter_sets == ""


def test_a_clip_whose_parameter_sets_change_is_never_copied(media_samples: MediaSamples, tmp_path: Path):
    one, other = (media_samples.h264(x264=f"repeat-headers=1:cabac={cabac}") for cabac in (0, 1))
    path = tmp_path / "changes.mp4"
    with av.open(str(one)) as first, av.open(str(other)) as second, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(first.streams.video[0])
        for source, later in ((first, 0), (second, 1)):
            for packet in source.demux(source.streams.video[0]):
                if packet.size and packet.pts is not None and packet.dts is not None and packet.time_base:
                    packet.pts, packet.dts = (time + int(later / packet.time_base) for time in (packet.pts, packet.dts))
                    packet.stream = stream
                    target.mux(packet)
    assert probed(one).parameter_sets != ""
    assert probed(path).frame_count == 48
    assert probed(path).parameter_sets == ""
