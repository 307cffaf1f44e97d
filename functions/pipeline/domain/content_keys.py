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
    """The key, in hex. `model_input` without the URLs of pictures; `made_with` has their hashes, and the rest."""
    content = {"version": VERSION, "kind": kind, "model": model, "input": dict(model_input), **made_with}
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
