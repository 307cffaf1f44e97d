"""What the seeded user has: words only. All times are fixed, so that a repeat changes nothing.

A letter to the sea        finished: pictures, clips, a film
Morning at the harbour     in the making: what is missing, failed, canceled, and a picture with a product
A rainy day                only begun
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

BEGAN_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EXPIRES_AT = datetime(2099, 1, 1, tzinfo=UTC)
"""Of seeded jobs: they stay until they are removed."""

CLIP_SECONDS = 2.0
STYLE_PROMPT = "painterly, soft evening light"
LOOK = "Painterly pictures in soft evening light, wide and calm, with warm skies over cool water."
PRODUCT_NAME = "Tea tin"

Color = tuple[int, int, int]


@dataclass(frozen=True)
class SceneStory:
    """One scene. `sky` and `ground` are what its picture is made of."""

    title: str
    text: str
    motion: str
    camera: str
    sky: Color
    ground: Color


@dataclass(frozen=True)
class BoardStory:
    """One storyboard. `slug` is part of its id; it was begun `hours` after all of this."""

    slug: str
    title: str
    style: str
    hours: int
    scenes: tuple[SceneStory, ...] = ()

    @property
    def began_at(self) -> datetime:
        return BEGAN_AT + timedelta(hours=self.hours)


SEA = BoardStory(
    "sea",
    "A letter to the sea",
    "cinematic",
    0,
    (
        SceneStory(
            "The village wakes",
            "A small fishing village wakes under a golden sunrise",
            "smoke rises from the chimneys",
            "slow pan to the right",
            (250, 190, 120),
            (70, 80, 110),
        ),
        SceneStory(
            "The lighthouse",
            "A lighthouse on the cliff above a calm blue sea",
            "the light turns",
            "slow rise",
            (110, 160, 210),
            (40, 90, 130),
        ),
        SceneStory(
            "Out to sea",
            "A sailing boat on the ocean heads into the sunset",
            "the sail fills with wind",
            "the camera follows the boat",
            (230, 110, 90),
            (60, 40, 90),
        ),
    ),
)
HARBOUR = BoardStory(
    "harbour",
    "Morning at the harbour",
    "documentary",
    24,
    (
        SceneStory(
            "Crates on the quay",
            "Fresh fish in wooden crates on a wet quay",
            "water drips from the crates",
            "still",
            (190, 205, 215),
            (90, 85, 80),
        ),
        SceneStory(
            "Tea for the crew",
            "A tin of tea on a table in the wheelhouse, steam in the morning light",
            "steam curls upwards",
            "slow push in",
            (240, 215, 170),
            (110, 70, 45),
        ),
        SceneStory(
            "A quarrel",
            "Two captains quarrel over the last berth",
            "arms wave",
            "hand-held",
            (150, 160, 170),
            (60, 60, 70),
        ),
        SceneStory(
            "Gulls",
            "Gulls over the masts, one of them with a fish",
            "wings beat",
            "tilt up",
            (200, 220, 235),
            (80, 110, 120),
        ),
    ),
)
RAIN = BoardStory("rain", "A rainy day", "", 48)
BOARDS = (SEA, HARBOUR, RAIN)


@dataclass(frozen=True)
class Names:
    """The ids of one user's seeded documents: no two users share one."""

    user_id: str

    @property
    def _prefix(self) -> str:
        return f"seed-{hashlib.sha256(self.user_id.encode()).hexdigest()[:10]}"

    def board(self, board: BoardStory) -> str:
        return f"{self._prefix}-{board.slug}"

    def scene(self, board: BoardStory, number: int) -> str:
        """`number` from 1."""
        return f"{self.board(board)}-scene-{number}"

    def job(self, slug: str) -> str:
        return f"{self._prefix}-{slug}"

    @property
    def product(self) -> str:
        return f"{self._prefix}-product"
