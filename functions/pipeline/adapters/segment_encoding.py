"""Encodes one segment of a plan: a file with its pictures as they will stay, and nothing else."""

from pathlib import Path

import ffmpeg

from pipeline.adapters.encoding import encoder_options
from pipeline.adapters.filter_graphs import ClipPath, segment_pictures
from pipeline.adapters.media_probe import open_media
from pipeline.adapters.muxing import read_pictures
from pipeline.adapters.watch import Watch, naming
from pipeline.domain.errors import MediaError
from pipeline.domain.media_plans import CompositionPlan
from pipeline.domain.media_segments import Segment

RECIPE = "2"
"""To be changed with whatever changes a segment's file: those that an older version made are then made again."""


def encode_segment(
    plan: CompositionPlan, segment: Segment, clip: ClipPath, target: Path, watch: Watch, *, threads: int = 0
) -> Path:
    """Encode a segment as `target`, which ends in .mp4, and return it. Raises DeadlineExceeded, OutOfSpace, MediaError.

    `threads`: of the encoder; 0 is as many as there are CPUs.
    """
    pictures = segment_pictures(plan, segment, clip)
    options = encoder_options(
        plan.form, plan.encode, set_id=plan.encoded_set_id, tags_color=plan.tags_color, threads=threads
    )
    output = ffmpeg.output(pictures, str(target), f="mp4", map_metadata=-1, **options)
    with naming(segment.clips):
        watch.run(output, "-copyts", "-filter_complex_threads", "1", frames=segment.frames)
        with open_media(target) as container:
            frames = sum(stream.frames for stream in container.streams.video)
        if frames != segment.frames:
            raise MediaError(f"{frames} pictures came out instead of {segment.frames}.")
    return target


def is_smaller_copied(segment: Segment, clip: Path, encoded: Path) -> bool:
    """Whether a segment that may be copied takes no more room as a copy."""
    return sum(picture.packet.size for picture in read_pictures(clip, segment.left)) <= encoded.stat().st_size
