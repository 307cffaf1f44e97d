"""What is there before a fuzzed job: the documents of its user, and everything of another one."""

from pipeline.domain.jobs import JobKind, JobRef
from tests.fuzz.fuzz_world import FuzzWorld
from tests.fuzz.odd_jobs import PICTURE, THEIR_KEY, THEM, USER

THEIR_SECRET = "what user-b alone may read"


def furnished() -> FuzzWorld:
    """What is there before the job: the user's own documents and, word for word the same, another user's."""
    world = FuzzWorld()
    for user, name, words in ((USER, "", "a lighthouse"), (THEM, "theirs", THEIR_SECRET)):
        for number in (1, 2):
            status = {"image": "pending", "video": "pending"}
            scene = {"user_id": user, "text": words, "generation_status": status}
            world.put(f"scenes/{name or f'scene-{number}'}", scene)
        world.put(f"storyboards/{name or 'board-1'}", {"user_id": user, "title": words, "scene_order": ["scene-1"]})
        picture = {"user_id": user, "name": words, "image_url": PICTURE}
        world.put(f"products/{name or 'product-1'}", picture)
    video = {"video_id": "theirs", "user_id": THEM, "status": "processing", "video_title": THEIR_SECRET}
    world.put(f"users/{THEM}/videos/theirs", video)
    world.put(f"users/{THEM}/videos/theirs/clips/theirs", {"clip_id": "theirs", "user_id": THEM, "status": "completed"})
    for kind in JobKind:
        results = {"status": "complete", "image_url": THEIR_SECRET, "video_url": THEIR_SECRET, "clips": [THEIR_SECRET]}
        world.put(JobRef(kind, "theirs").path, {"user_id": THEM, **results})
    world.storage.objects[THEIR_KEY] = 1
    world.storage._types[THEIR_KEY] = "video/mp4"
    return world
