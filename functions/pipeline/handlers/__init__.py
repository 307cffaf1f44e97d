"""What the functions do.

a job's turn     run_job (claim, advance, finish), turns (its steps), admission, earlier_jobs, failures, leftovers,
                 scene_marks; tools (what they all work with)
the four kinds   generate_image, generate_video, generate_multi_video, compose_video
for clips        clips; metadata_sources (where answers come from), stored_catalogue, dual_write
for compositions planned_composition, source_files, checkpoints, turn_pieces
for predictions  predictions (obtain one, pay once), prediction_ends (how it ends, whoever notices)
watching         receive_webhook, sweep
"""
