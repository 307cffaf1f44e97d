"""The plain prompt templates: what is sent to the models when no language model has written something better."""

import hashlib


def image_prompt(text: str, style_prompt: str, width_to_height: float) -> str:
    """The prompt of a scene's picture of that shape."""
    shape = "Square" if 0.95 < width_to_height < 1.05 else "Vertical" if width_to_height < 1 else "Horizontal"
    parts = [text.rstrip(" .") + ".", style_prompt.strip()]
    parts.append(f"{shape} composition, one clear subject, cinematic light, no text, no watermark.")
    return " ".join(part for part in parts if part)


def motion_prompt(text: str, *, camera_fixed: bool) -> str:
    """The prompt that sets a picture in motion."""
    camera = "The camera stands still" if camera_fixed else "Slow, smooth camera movement"
    return f"{text.rstrip(' .')}. {camera}; natural motion; nothing appears or disappears."


def scene_title(text: str, limit: int = 60) -> str:
    """A title for a clip: the first words of the scene's text, whole words only."""
    words = text.split()
    title = ""
    for word in words:
        if len(title) + len(word) + 1 > limit:
            return (title or word[: limit - 1]) + "…"
        title = f"{title} {word}".strip()
    return title


def prompt_sha256(prompt: str) -> str:
    """Tells whether two pictures were made from the same words: the hash, in hex, of exactly what was sent."""
    return hashlib.sha256(prompt.encode()).hexdigest()
