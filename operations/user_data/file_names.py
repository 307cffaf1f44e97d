"""Ids and keys as names of files, on whatever disk: each another one, none outside of its folder."""

import hashlib
import re
from pathlib import PurePosixPath

MOST_BYTES = 200
_AWKWARD = re.compile(r'[\x00-\x1f\x7f%/\\:*?"<>|]|^\.|[. ]$')


def file_name(text: str, ending: str = "") -> str:
    """A name for any text. One that is long is cut, and ends in a hash of the whole."""
    name = _AWKWARD.sub(lambda found: f"%{ord(found[0]):02X}", text) or "%"
    if len(name.encode()) > MOST_BYTES:
        kept = name.encode()[: MOST_BYTES - 33].decode(errors="ignore")
        name = f"{kept}~{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:32]}"
    return name + ending


def path_of_key(key: str) -> PurePosixPath:
    """Where a file lies: its key's folders are folders."""
    return PurePosixPath(*(file_name(part) for part in key.split("/")))


def path_of_document(path: str) -> PurePosixPath:
    """Where a document lies: `scenes/a` in scenes/a.json."""
    *folders, name = path.split("/")
    return PurePosixPath(*(file_name(folder) for folder in folders), file_name(name, ".json"))
