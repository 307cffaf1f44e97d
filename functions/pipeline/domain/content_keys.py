"""What a result was made of, as one key: who asks for the same again gets the same file, and pays nothing.

The key covers all that the result depends on: the model, its whole input (the seed only where a client chose it,
because ours differ each time), the bytes of the pictures that went in, and what was done with the model's file
afterwards. Pictures count by content, not by URL.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

VERSION = 1
"""Of the way in which files are made from a model's output: another way, another version."""


def content_key(kind: str, model: str, model_input: Mapping[str, Any], **made_with: Any) -> str:
    """The key, in hex. `model_input` without the URLs of pictures; `made_with` has their hashes, and the rest.

    All of it is what JSON can hold. A whole number is the same whether it came as 5 or as 5.0: JavaScript, which most
    clients are written in, knows no difference, and Firestore tells what a client happened to send.
    """
    content = {"version": VERSION, "kind": kind, "model": model, "input": model_input, "made_with": made_with}
    return hashlib.sha256(json.dumps(_plain(content), sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """The same in one way of writing it."""
    match value:
        case Mapping():
            return {name: _plain(part) for name, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case float() if value.is_integer():
            return int(value)
    return value
