"""Which picture a packet holds, told by nothing but the order of the times."""

from pathlib import Path

import pytest

from pipeline.adapters.media_probe import open_media
from pipeline.adapters.muxing import read_pictures
from pipeline.domain.errors import MediaError
from pipeline.domain.media_segments import Piece
from tests.media_samples import MediaSamples

B_FRAMES = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "7", "-x264-params", "b-pyramid=strict:b-adapt=0")
JITTER = ("-vf", "settb=1/24000,setpts='N*1000+mod(N*7,10)*40+if(gt(N,12),2500,0)'", "-fps_mode", "passthrough")
JITTER += ("-enc_time_base", "1/24000")


def times(path: Path) -> list[int]:
    """When the pictures of a file are shown, in the order of decoding."""
    with open_media(path) as container:
        return [packet.pts for packet in container.demux(video=0) if packet.size and packet.pts is not None]


@pytest.mark.parametrize("timing", [(), JITTER])
def test_every_packet_is_counted_where_it_is_shown(media_samples: MediaSamples, timing: tuple[str, ...]):
    path = media_samples.solid("red", seconds=2.0, options=(*timing, *B_FRAMES, "-pix_fmt", "yuv420p"))
    order = times(path)
    assert order != sorted(order)
    numbers = [picture.number for picture in read_pictures(path, Piece(0, 0, 48))]
    assert numbers == [sorted(order).index(time) for time in order]


@pytest.mark.parametrize("frames", [1, 2, 16, 17, 18])
def test_a_clip_that_is_shorter_than_what_is_waited_for_is_read_in_full(media_samples: MediaSamples, frames: int):
    path = media_samples.solid("red", seconds=frames / 24, options=(*B_FRAMES, "-pix_fmt", "yuv420p"))
    assert sorted(picture.number for picture in read_pictures(path, Piece(0, 0, frames))) == list(range(frames))


def test_only_the_pictures_of_the_piece_come(media_samples: MediaSamples):
    path = media_samples.solid("red", seconds=2.0, options=(*B_FRAMES, "-pix_fmt", "yuv420p"))
    assert sorted(picture.number for picture in read_pictures(path, Piece(0, 10, 20))) == list(range(10, 20))
    with pytest.raises(MediaError, match="38 pictures where 50 were expected"):
        list(read_pictures(path, Piece(0, 10, 60)))
