"""What the functions do.

a job's turn     run_job (claim, advance), turns (its steps), job_ends (written down, and told), admission,
                 named_documents, dry_run, earlier_jobs, failures, leftovers, scene_marks; tools (what they work with)
the kinds        generate_image, generate_video, generate_multi_video, compose_video
before money     moderation, scene_words (who writes them), recall (what was made before)
for pictures     picture_files, product_pictures, blending (Kontext)
for clips        clips; dual_write, metadata_sources (where answers come from), stored_catalogue
for compositions planned_composition, source_files, checkpoints, turn_pieces
for predictions  predictions (obtain one, pay once), model_fallback (by a second model), prediction_ends (how it ends,
                 whoever notices)
watching         receive_webhook, sweep
for the API      list_videos, show_video, find_clip, delete_video
"""
