"""The picture of a product that an image job names: where it is, and how it stands in the scene."""

import hashlib
from pathlib import Path

from pipeline.adapters.compositing import ProductPlacement
from pipeline.domain.requests import ImageRequest
from pipeline.handlers.tools import Desk, Tools
from pipeline.handlers.turns import Turn


def fetch_product(turn: Turn, request: ImageRequest, target: Path, desk: Desk, tools: Tools) -> Path:
    """The product's picture as a file."""
    product = desk.scenes.product(request.user_id, request.product_id or "")
    tools.downloads.fetch(
        str(product.get("image_url") or ""),
        target,
        max_bytes=tools.settings.max_image_bytes,
        kind="image",
        should_stop=turn.check,
    )
    return target


def placement_of(request: ImageRequest) -> ProductPlacement:
    """How the product stands in the picture."""
    return ProductPlacement(
        scale=request.composite_scale,
        horizontal=request.composite_x,
        vertical=request.composite_y,
        shadow=request.composite_shadow,
        match=request.composite_match,
    )


def file_sha256(path: Path) -> str:
    """The hash of a file's bytes, in hex."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
