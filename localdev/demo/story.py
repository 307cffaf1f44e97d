"""What the demonstration tells."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SceneText:
    """One scene. `seconds` is how long its clip should be."""

    text: str
    seconds: float = 4.0


TITLE = "A letter to the sea"
STYLE = "cinematic"
STYLE_PROMPT = "painterly, warm evening light, soft haze"
SCENES = (
    SceneText("A small fishing village wakes under a golden sunrise"),
    SceneText("A lighthouse on the cliff above a calm blue sea"),
    SceneText("A forest path in the green hills, light between the trees"),
    SceneText("The city at night, windows glowing under the moon"),
    SceneText("A sailing boat on the ocean heads into the sunset"),
)
SINGLE_SCENES = 1
"""How many of the scenes, from the end, are set in motion by single video jobs instead of the multi-video job."""
