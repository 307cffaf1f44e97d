"""The product that an image job names: its picture, moderated before it is used, and how it stands in the scene."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from pipeline.adapters.compositing import ProductPlacement
from pipeline.domain.errors import SourceError
from pipeline.domain.requests import ImageRequest
from pipeline.handlers.moderation import moderate
from pipeline.handlers.picture_files import fetch_picture, file_sha256
from pipeline.handlers.tools import Desk, Tools
from pipeline.handlers.turns import Turn


@dataclass(frozen=True)
class CheckedProduct:
    """A product whose picture and name may be used. `sha256`, in hex, is that of the picture that was looked at.

    Its URL is not among them: this is kept on the job, and a URL may hold a token.
    """

    name: str
    sha256: str


def check_product(turn: Turn, request: ImageRequest, desk: Desk, tools: Tools) -> CheckedProduct:
    """Look at the product before anything is paid. Raises ContentRejected, and what fetching raises."""
    name = str(desk.scenes.product(request.user_id, request.product_id or "").get("name") or "")[:200]
    with tempfile.TemporaryDirectory() as folder:
        picture = _fetch(turn, request, Path(folder) / "product", desk, tools)
        turn.adjust(moderate([name], picture, tools))
        return CheckedProduct(name, file_sha256(picture))


def fetch_product(
    turn: Turn, request: ImageRequest, product: CheckedProduct, target: Path, desk: Desk, tools: Tools
) -> Path:
    """The product's picture as a file: the one that was looked at. Raises SourceError when it was replaced since."""
    _fetch(turn, request, target, desk, tools)
    if file_sha256(target) != product.sha256:
        raise SourceError("The product's picture was replaced while the job was at work. Create the job again.")
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


def _fetch(turn: Turn, request: ImageRequest, target: Path, desk: Desk, tools: Tools) -> Path:
    url = str(desk.scenes.product(request.user_id, request.product_id or "").get("image_url") or "")
    return fetch_picture(turn, url, target, tools)
