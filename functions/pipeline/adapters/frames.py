"""The small picture of a clip."""

from pathlib import Path

import ffmpeg

from pipeline.adapters.ffmpeg import run_ffmpeg
from pipeline.adapters.filter_graphs import media_pictures

THUMBNAIL_EDGE_PIXELS = 480
DEADLINE_SECONDS = 60.0
CANDIDATES = 48
"""How many frames from the start the most typical one is chosen from: an opening fade from black is passed over."""


def write_clip_thumbnail(video: Path, target: Path) -> None:
    """Write a JPEG of one telling frame, its longer edge at most 480 pixels. Raises MediaError."""
    edge = THUMBNAIL_EDGE_PIXELS
    frame = (
        media_pictures(video)
        .filter("scale", w="max(iw*sar,2)", h="ih")  # square pixels
        # small before `thumbnail`, which keeps all its candidates in memory
        .filter("scale", w=f"min({edge},iw)", h=f"min({edge},ih)", force_original_aspect_ratio="decrease")
        .filter("setsar", "1")
        .filter("thumbnail", CANDIDATES)
        .output(str(target), vframes=1, format="image2", update=1, vcodec="mjpeg", pix_fmt="yuvj420p", **{"q:v": 3})
    )
    run_ffmpeg(ffmpeg.get_args(frame), deadline_seconds=DEADLINE_SECONDS)
