"""Where every file lies: one function a kind of file, the same answer every time, so that a repeat overwrites.

    {uid}/images/{scene_id}/{job_id}.png               a scene's picture, its thumbnail beside it
    {uid}/{video_id}/clips/{clip filename}.mp4         a clip, its thumbnail beside it
    {uid}/{video_id}/final/{job_id}.mp4                a composition, its poster beside it
    {uid}/{video_id}/highlights.json

Parts come from documents, so each is checked: none may leave its folder.
"""

from pipeline.domain.errors import InvalidRequest


def scene_image_key(user_id: str, scene_id: str, job_id: str, extension: str) -> str:
    """A scene's picture. `extension` without the dot."""
    return _key(user_id, "images", scene_id, f"{job_id}.{extension}")


def scene_image_thumbnail_key(user_id: str, scene_id: str, job_id: str) -> str:
    """The small JPEG of a scene's picture."""
    return _key(user_id, "images", scene_id, f"{job_id}_thumbnail.jpg")


def clip_key(user_id: str, video_id: str, filename: str) -> str:
    """A clip."""
    return _key(user_id, video_id, "clips", filename)


def clip_thumbnail_key(user_id: str, video_id: str, filename: str) -> str:
    """The small JPEG of a clip: the clip's name with another ending."""
    return _key(user_id, video_id, "clips", f"{filename.removesuffix('.mp4')}.jpg")


def final_video_key(user_id: str, video_id: str, job_id: str) -> str:
    """A composition's final video."""
    return _key(user_id, video_id, "final", f"{job_id}.mp4")


def final_poster_key(user_id: str, video_id: str, job_id: str) -> str:
    """The picture that stands for a final video."""
    return _key(user_id, video_id, "final", f"{job_id}.jpg")


def highlights_key(user_id: str, video_id: str) -> str:
    """The highlights of a video, as the R2-only design kept them."""
    return _key(user_id, video_id, "highlights.json")


def _key(*parts: str) -> str:
    for part in parts:
        if not part or part in (".", "..") or "/" in part or "\\" in part or any(ord(letter) < 32 for letter in part):
            raise InvalidRequest(f"'{part[:80]}' cannot be part of a file's name in storage.")
    return "/".join(parts)
