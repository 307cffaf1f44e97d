"""A video's info without Firestore, as the integration guide's "Current (R2-based)" has it.

    load highlights.json ──> list all clips ──> parse their names ──> presign every URL ──> answer

Every step waits for the one before, and there are no pages: whatever is shown, all of it is listed and signed.
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pipeline.domain.clip_names import parse_clip_filename
from pipeline.domain.object_keys import highlights_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

URL_SECONDS = 3600
BYTES_PER_MB = 1024 * 1024

Sign = Callable[[str], str]
"""A key's presigned URL."""


class ListingDesign:
    """Answers from what lies in a bucket."""

    def __init__(self, client: "S3Client", bucket: str, sign: Sign | None = None) -> None:
        """`sign`: boto3's own where none is given."""
        self._client = client
        self._bucket = bucket
        self._sign = sign or self._presigned

    def video_info(self, user_id: str, video_id: str) -> bytes:
        """The JSON of the video and all of its clips, by priority and name."""
        scenes = self._scenes(user_id, video_id)
        sizes = self._sizes(f"{user_id}/{video_id}/clips/")
        clips = [self._clip(key, size, sizes, scenes) for key, size in sizes.items() if key.endswith(".mp4")]
        clips.sort(key=lambda clip: (clip["priority"], clip["name"]))
        return json.dumps({"id": video_id, "clips": clips}).encode()

    def _scenes(self, user_id: str, video_id: str) -> dict[int, dict[str, Any]]:
        answer = self._client.get_object(Bucket=self._bucket, Key=highlights_key(user_id, video_id))
        return {scene["id"]: scene for scene in json.loads(answer["Body"].read())["highlights"]}

    def _sizes(self, prefix: str) -> dict[str, int]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        return {found["Key"]: found["Size"] for page in pages for found in page.get("Contents", [])}

    def _clip(
        self, key: str, size_bytes: int, sizes: dict[str, int], scenes: dict[int, dict[str, Any]]
    ) -> dict[str, Any]:
        filename = key.rpartition("/")[2]
        name = parse_clip_filename(filename)
        thumbnail = f"{key.removesuffix('.mp4')}.jpg"
        scene = scenes.get(name.scene, {})
        return {
            "name": filename,
            "title": scene.get("title", name.slug),
            "description": scene.get("description", ""),
            "url": self._sign(key),
            "thumbnail": self._sign(thumbnail) if thumbnail in sizes else None,
            "size": f"{size_bytes / BYTES_PER_MB:.1f} MB",
            "style": name.style,
            "priority": name.priority,
        }

    def _presigned(self, key: str) -> str:
        asked = {"Bucket": self._bucket, "Key": key}
        return self._client.generate_presigned_url("get_object", Params=asked, ExpiresIn=URL_SECONDS)
