"""The MP4 itself: one record of parameter sets for all pictures, its index in front, the same file wherever it goes."""

import io
import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.adapters.composer import compose
from pipeline.adapters.media_probe import open_media
from pipeline.adapters.muxing import FinalVideo, SeekableFile, head_bytes, read_pictures
from pipeline.adapters.object_storage import StoredObject
from pipeline.adapters.sound import make_sound
from pipeline.adapters.streamed_uploads import StreamedUpload
from pipeline.adapters.watch import Watch
from pipeline.domain.errors import MediaError
from pipeline.domain.media_segments import Piece
from pipeline.domain.parameter_sets import ParameterSets, read_parameter_sets
from tests.composition_clips import X264, CompositionClips
from tests.composition_files import (
    LocalMaterial,
    Made,
    Studio,
    assert_plays_everywhere,
    assert_sound_lasts_as_long_as_pictures,
    frame_count,
    gray_pictures,
    video_of,
    video_packets,
)


@pytest.fixture(scope="module")
def moving(clips: CompositionClips) -> list[Path]:
    return [clips.prepared(number, sound_hz=300) for number in range(3)]


@pytest.fixture(scope="module")
def made(moving: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Studio(tmp_path_factory.mktemp("made")).compose(moving)


def parameter_sets(path: Path) -> ParameterSets:
    with av.open(str(path)) as container:
        return read_parameter_sets(container.streams.video[0].codec_context.extradata or b"")


def boxes(content: bytes) -> dict[str, tuple[int, int]]:
    """Where the outermost boxes of an MP4 file begin and end (ISO/IEC 14496-12, 4.2)."""
    found, start = {}, 0
    while start < len(content):
        size, kind = struct.unpack_from(">I4s", content, start)
        if size == 1:
            (size,) = struct.unpack_from(">Q", content, start + 8)
        found[kind.decode()] = (start, start + size)
        start += size
    assert start == len(content)
    return found


class TestParameterSets:
    def test_one_record_holds_those_of_copied_and_of_encoded_pictures(self, made: Made, moving: list[Path]):
        merged, copied = parameter_sets(made.path), parameter_sets(moving[0])
        assert len(merged.sequence_sets) == len(merged.picture_sets) == 2
        assert set(copied.sequence_sets) < set(merged.sequence_sets)
        assert set(copied.picture_sets) < set(merged.picture_sets)
        assert merged.ids == copied.ids | {made.plan.encoded_set_id}
        assert made.plan.encoded_set_id not in copied.ids
        assert merged.profile >= copied.profile
        assert merged.level >= copied.level

    def test_no_packet_carries_sets_of_its_own(self, made: Made):
        units = {unit for packet in video_packets(made.path) for unit in unit_types(packet)}
        assert units <= {1, 5, 6}

    def test_pictures_on_both_sides_of_each_joint_are_right(self, made: Made, moving: list[Path]):
        pictures, own = gray_pictures(made.path), [gray_pictures(source) for source in moving]
        assert (pictures[:36] == own[0][:36]).all()
        assert (pictures[48:72] == own[1][12:36]).all()
        assert (pictures[84:] == own[2][12:]).all()
        for left, right, first in ((0, 1, 36), (1, 2, 72)):
            for number in range(12):
                share = number / 12  # of the clip that comes
                blend = (1 - share) * own[left][36 + number] + share * own[right][number]
                assert np.abs(pictures[first + number] - blend).mean() < 4

    def test_any_place_may_be_the_first_that_is_played(self, made: Made):
        pictures = gray_pictures(made.path)
        for number in (0, 35, 36, 40, 47, 48, 71, 72, 83, 84, 119):
            with av.open(str(made.path)) as container:
                stream = container.streams.video[0]
                container.seek(round(number / 24 / stream.time_base), stream=stream)
                shown = next(frame for frame in container.decode(stream) if frame.time > (number - 0.5) / 24)
                assert (shown.to_ndarray(format="yuv420p")[:284] == pictures[number]).all()

    def test_clips_that_have_the_usual_id_too_are_told_apart(self, clips: CompositionClips, studio: Studio):
        options = (*X264, "-x264-params", "open-gop=0:stitchable=1:sps-id=1", "-force_key_frames", "0.5,1.5")
        source = clips.of("testsrc2=s=160x284:r=24:d=2", *options)
        composed = studio.compose([source] * 2)
        assert composed.plan.encoded_set_id not in parameter_sets(source).ids
        assert len(parameter_sets(composed.path).sequence_sets) == 2
        assert_plays_everywhere(composed)


def unit_types(packet: bytes) -> Iterator[int]:
    """Of the units of an H.264 packet that are preceded by their length in four bytes."""
    start = 0
    while start < len(packet):
        (size,) = struct.unpack_from(">I", packet, start)
        yield packet[start + 4] & 31
        start += 4 + size


class TestLayout:
    def test_the_index_comes_first_and_fits_into_its_room(self, made: Made):
        found = boxes(made.path.read_bytes())
        assert list(found)[:2] == ["ftyp", "moov"]
        assert list(found)[-1] == "mdat"
        assert found["mdat"][0] <= head_bytes(made.plan)

    @pytest.mark.parametrize("sound_hz", [None, 300])
    def test_it_fits_also_when_there_are_many_packets(
        self, clips: CompositionClips, studio: Studio, sound_hz: int | None
    ):
        sources = [clips.prepared(0, seconds=1.0, rate="60", crf=40, sound_hz=sound_hz)] * 60
        composed = studio.compose(sources, crossfade=False)
        found = boxes(composed.path.read_bytes())
        assert list(found)[:2] == ["ftyp", "moov"]
        assert found["mdat"][0] <= head_bytes(composed.plan)
        assert frame_count(composed) == 3600

    def test_sound_lies_beside_its_pictures(self, made: Made):
        with av.open(str(made.path)) as container:
            packets = [packet for packet in container.demux() if packet.size]
        in_file = sorted(packets, key=lambda packet: packet.pos)
        times = [float(packet.dts * packet.time_base) for packet in in_file]
        assert all(later > earlier - 0.2 for earlier, later in pairwise(times))
        assert_sound_lasts_as_long_as_pictures(made.path)


class MemoryTarget:
    """A store in memory. `stored` is the object."""

    def __init__(self) -> None:
        self.body: list[bytes] = []
        self.stored: bytes | None = None

    def store_whole(self, data: bytes) -> StoredObject:
        self.stored = data
        return StoredObject("key", len(data), "video/mp4", "")

    def send_body(self, parts: Iterator[bytes]) -> None:
        self.body.extend(parts)

    def complete(self, head: bytes) -> StoredObject:
        return self.store_whole(head + b"".join(self.body))

    def abort(self) -> None:
        self.body.clear()


class TestTargets:
    @pytest.fixture
    def written(self, studio: Studio, clips: CompositionClips):
        """Composes the same segments and the same sound to one target after the other."""
        sources = [clips.prepared(number, seconds=3.0, crf=0, sound_hz=300) for number in range(3)]
        plan = studio.plan(sources, crossfade=False)
        sound = make_sound(plan, LocalMaterial(sources, studio.workdir), None, studio.folder / "s.m4a", Watch.until(30))

        def write(target: Path | SeekableFile) -> None:
            material = LocalMaterial(sources, studio.workdir)
            compose(plan, material, sound.path, target, workdir=studio.workdir, watch=Watch.until(30))

        write.plan = plan
        return write

    def test_a_streamed_upload_stores_what_a_file_would_hold(self, studio: Studio, written):
        written(studio.target)
        target, part = MemoryTarget(), head_bytes(written.plan)
        with StreamedUpload(target, part_bytes=part) as upload:
            written(upload)
            upload.finish()
        assert len(target.body) > 2
        assert target.stored == studio.target.read_bytes()

    def test_so_does_a_file_in_memory(self, studio: Studio, written):
        written(studio.target)
        memory = io.BytesIO()
        written(memory)
        assert memory.getvalue() == studio.target.read_bytes()


class TestReadPictures:
    @pytest.mark.parametrize(("start", "end"), [(0, 48), (0, 36), (12, 36), (12, 48), (36, 48)])
    def test_the_packets_are_those_of_the_pictures(self, moving: list[Path], start: int, end: int):
        pictures = list(read_pictures(moving[0], Piece(0, start, end)))
        assert sorted(picture.number for picture in pictures) == list(range(start, end))
        assert [bytes(picture.packet) for picture in pictures] == video_packets(moving[0])[start:end]

    def test_pictures_that_lack_are_noticed(self, moving: list[Path]):
        with pytest.raises(MediaError, match="48 pictures where 50 were expected"):
            list(read_pictures(moving[0], Piece(0, 0, 50)))

    def test_a_clip_that_begins_late_begins_with_its_first_picture(self, clips: CompositionClips, studio: Studio):
        late = clips.late(clips.prepared(1), seconds=0.4)
        assert video_of(late).start_seconds == pytest.approx(0.4, abs=0.01)
        made = studio.compose([late] * 2)
        assert made.plan.encoded_frames == 12
        assert_plays_everywhere(made)
        assert (gray_pictures(made.path)[:36] == gray_pictures(late)[:36]).all()


def test_a_video_without_all_its_pictures_is_not_finished(made: Made, moving: list[Path], tmp_path: Path):
    with open_media(moving[0]) as container:
        record = container.streams.video[0].codec_context.extradata or b""
    with FinalVideo(made.plan, [record], None, tmp_path / "short.mp4") as video:
        sizes = video.add(moving[0], Piece(0, 0, 36))
        assert sum(sizes) == sum(map(len, video_packets(moving[0])[:36]))
        with pytest.raises(MediaError, match="36 frames instead of 120"):
            video.finish()
