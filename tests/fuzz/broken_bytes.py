"""Real files with something wrong in them."""

from hypothesis import strategies as st

Change = tuple[str, int, bytes]

_PLACES = st.integers(0, 2**20)
_NUMBERS = st.sampled_from([0, 1, 2**31 - 1, 2**31, 2**32 - 1]).map(lambda number: number.to_bytes(4))
_PIECES = st.binary(min_size=1, max_size=12) | _NUMBERS
changes = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "put", "insert", "cut", "truncate", "double"]),
        _PLACES,
        _PIECES,
    ),
    min_size=1,
    max_size=6,
)
"""What happens to a file: `put` over its bytes, `insert` between them, `cut` some, `truncate` it, `double` a part."""

heads = st.booleans()
"""Whether the changes are near the file's beginning, where its structure is told."""


def broken(content: bytes, todo: list[Change], near_head: bool) -> bytes:
    """The file after the changes. Places wrap around."""
    for kind, place, piece in todo:
        at = place % max(min(len(content), 2000) if near_head else len(content), 1)
        match kind:
            case "put":
                content = content[:at] + piece + content[at + len(piece) :]
            case "insert":
                content = content[:at] + piece + content[at:]
            case "cut":
                content = content[:at] + content[at + len(piece) :]
            case "truncate":
                content = content[: max(at, 8)]
            case "double":
                content = content[: at + 64] + content[at:]
    return content
