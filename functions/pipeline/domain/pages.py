"""A page of a long list, and the token that asks for the page after it (AIP-158).

A token holds the sort values of the page's last item. So a next page costs no read of its own, and it does not matter
when that item is deleted in the meantime. Tokens are opaque to clients, not secret: a forged one can only move the
start of a query that is bound to its user anyway.
"""

import base64
import json
from collections.abc import Iterable
from typing import TypeVar

from pipeline.domain.errors import InvalidRequest

Item = TypeVar("Item")
Position = TypeVar("Position", int, str)

MAX_PAGE_SIZE = 1000


class Page(list[Item]):
    """The items of one page. `next_page_token` is None on the last page."""

    def __init__(self, items: Iterable[Item], next_page_token: str | None = None) -> None:
        super().__init__(items)
        self.next_page_token = next_page_token


def check_page_size(page_size: int) -> int:
    """The size, if it is from 1 to MAX_PAGE_SIZE."""
    if not 1 <= page_size <= MAX_PAGE_SIZE:
        raise InvalidRequest(f"Field 'page_size' is not valid: it must be from 1 to {MAX_PAGE_SIZE}.")
    return page_size


def encode_page_token(position: int | str, document_id: str) -> str:
    """The token of an item: its sort value, and its id for items with the same one."""
    text = json.dumps([position, document_id], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_page_token(token: str, kind: type[Position]) -> tuple[Position, str]:
    """The inverse of `encode_page_token`; `kind` is what the list is sorted by. Raises InvalidRequest otherwise."""
    try:
        padded = token.encode("ascii") + b"=" * (-len(token) % 4)
        position, document_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError) as error:
        raise _not_ours() from error
    if type(position) is not kind or not isinstance(document_id, str):
        raise _not_ours()
    if isinstance(position, int) and abs(position) >= 2**63:  # more than Firestore's numbers hold
        raise _not_ours()
    return position, document_id


def _not_ours() -> InvalidRequest:
    return InvalidRequest("Field 'page_token' is not valid: pass the next_page_token of the page before.")
