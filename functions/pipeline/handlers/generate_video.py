"""One clip that sets a scene's picture in motion: place, prompt, predict, store."""

from pipeline.adapters import logger
from pipeline.domain.clip_names import style_slug
from pipeline.domain.outcomes import Completed
from pipeline.domain.requests import VideoRequest, parse_request
from pipeline.domain.scene_words import SceneWords
from pipeline.handlers.clips import ClipPlace, ClipWork, clip_terms_of, make_clip
from pipeline.handlers.dual_write import keep_manifest
from pipeline.handlers.named_documents import read_named_documents
from pipeline.handlers.scene_words import Writer, moderate_before_writing
from pipeline.handlers.tools import Desk, Tools
from pipeline.handlers.turns import Turn
from pipeline.repositories.scenes import scene_generating, scene_order, scene_ready


def generate_video(turn: Turn, desk: Desk, tools: Tools) -> Completed:
    """Bring a video job as far as it can go now."""
    request = parse_request(VideoRequest, turn.fields)
    place = turn.run_step("place", ClipPlace, lambda: _place(turn, request, desk, tools))
    words = turn.run_step("prompt", SceneWords, lambda: _word(turn, request, desk, tools))
    turn.report("predict", 10)
    work = ClipWork(request.image_url, words, request.wish, place, request.seed)
    clip = make_clip(turn, work, tools, lambda: turn.report("store", 80))
    tools.videos(turn.user_id).update_clip_statistics(place.video_id)
    if request.storyboard_id is None:
        tools.videos(turn.user_id).update_video_status(place.video_id, "completed")
    keep_manifest(turn, "manifest", place.video_id, tools)
    logger.info(f"[Video Generation] Successfully generated video for scene {request.scene_id}")
    return Completed(results=clip.as_result(), updates=[scene_ready(request.scene_id, "video", clip.video_url)])


def _place(turn: Turn, request: VideoRequest, desk: Desk, tools: Tools) -> ClipPlace:
    """Check what the job names before any money is spent; find the scene's place in its storyboard."""
    named = read_named_documents(request, desk)
    scene, storyboard = named.scenes[request.scene_id], named.storyboard
    order = scene_order(storyboard)
    number = order.index(request.scene_id) + 1 if request.scene_id in order else 1
    style = str(storyboard.get("style") or scene.get("style_prompt") or "")
    title = str(storyboard.get("title") or "")
    video_id = request.storyboard_id or turn.origin_job_id
    tools.videos(turn.user_id).create_or_update_video(
        video_id=video_id,
        video_title=title or request.text[:80],
        status="processing",
        created_by=turn.ref.path,
    )
    turn.adjust(clip_terms_of(request.wish, tools.settings).adjustments)
    turn.write({"stage": "place"}, [scene_generating(request.scene_id, "video")])
    return ClipPlace(
        video_id=video_id,
        scene_number=number,
        text=request.text,
        style=style_slug(style),
        start_seconds=0.0,
    )


def _word(turn: Turn, request: VideoRequest, desk: Desk, tools: Tools) -> SceneWords:
    """The words of the scene: those that its picture was made with, where its text is still the same."""
    named = read_named_documents(request, desk)
    scene = named.scenes[request.scene_id]
    style = str(scene.get("style_prompt") or "")
    turn.adjust(moderate_before_writing([request.text, style], named.storyboard, tools))
    writer = Writer(desk, tools)
    writer.tell_story(request.user_id, request.storyboard_id, named.storyboard)
    worded = writer.words(request.text, style, request.scene_id, scene)
    turn.adjust(worded.adjustments)
    turn.write({}, worded.kept)
    return worded.words
