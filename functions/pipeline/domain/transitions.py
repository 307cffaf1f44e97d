"""The names of the transitions: those of ffmpeg's filter xfade (https://ffmpeg.org/ffmpeg-filters.html#xfade)."""

from typing import Literal, get_args

Transition = Literal[
    "fade", "fadeblack", "fadewhite", "fadegrays", "fadefast", "fadeslow", "dissolve", "pixelize", "distance", "hblur",
    "wipeleft", "wiperight", "wipeup", "wipedown", "wipetl", "wipetr", "wipebl", "wipebr",
    "slideleft", "slideright", "slideup", "slidedown", "smoothleft", "smoothright", "smoothup", "smoothdown",
    "circlecrop", "rectcrop", "circleopen", "circleclose", "vertopen", "vertclose", "horzopen", "horzclose", "radial",
    "diagtl", "diagtr", "diagbl", "diagbr", "hlslice", "hrslice", "vuslice", "vdslice",
    "hlwind", "hrwind", "vuwind", "vdwind", "squeezeh", "squeezev", "zoomin",
    "coverleft", "coverright", "coverup", "coverdown", "revealleft", "revealright", "revealup", "revealdown",
]  # fmt: skip
"""All that need no expression of the user's own."""

TRANSITIONS: tuple[str, ...] = get_args(Transition)
