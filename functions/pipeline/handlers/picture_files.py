"""Pictures that jobs name or models deliver, as files."""

import hashlib
from pathlib import Path

from pipeline.handlers.tools import Tools
from pipeline.handlers.turns import Turn


def fetch_picture(turn: Turn, url: str, target: Path, tools: Tools) -> Path:
    """The picture at a URL, in `target`. Raises what `Downloader.fetch` and `Turn.check` raise."""
    tools.downloads.fetch(url, target, max_bytes=tools.settings.max_image_bytes, kind="image", should_stop=turn.check)
    return target


def file_sha256(path: Path) -> str:
    """The hash of a file's bytes, in hex."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
