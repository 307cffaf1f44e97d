"""Where metadata is written and read, on the way from a bucket that is listed to Firestore.

    mode                      documents   manifests in storage   reads come from
    dual_write                written     written                storage: manifest, highlights, listing, file names
    firestore_with_fallback   written     written                Firestore; storage where Firestore has nothing
    firestore_only            written     no                     Firestore

A deployment has one mode (METADATA_MODE). A user whose videos have been migrated and verified may be ahead of it, never
behind.
"""

from enum import StrEnum


class MetadataMode(StrEnum):
    """The three phases, in their order."""

    DUAL_WRITE = "dual_write"
    FIRESTORE_WITH_FALLBACK = "firestore_with_fallback"
    FIRESTORE_ONLY = "firestore_only"

    @property
    def writes_manifests(self) -> bool:
        """So that one may still go back."""
        return self is not MetadataMode.FIRESTORE_ONLY


def later_mode(one: MetadataMode, other: MetadataMode) -> MetadataMode:
    """The one that is further on the way."""
    order = list(MetadataMode)
    return max(one, other, key=order.index)
