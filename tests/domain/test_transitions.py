"""The transitions that a user may choose are those that the ffmpeg of the functions knows."""

import re
import subprocess

import imageio_ffmpeg

from pipeline.domain.transitions import TRANSITIONS

OPTION = re.compile(r"^     (\w+) +-?\d+ ", re.MULTILINE)


def test_the_names_are_those_of_the_filter_without_the_users_own_expression():
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-h", "filter=xfade"]
    words = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    known = OPTION.findall(words)
    assert len(TRANSITIONS) == len(set(TRANSITIONS))
    assert set(known) - {"custom"} == set(TRANSITIONS)
    assert "custom" in known
