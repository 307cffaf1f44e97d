"""The outside world, one thing a module; nothing is decided here.

Replicate        replicate_api, replicate_webhooks, signing_secrets
OpenAI           openai_api, openai_exchange (one request), timed_calls
URLs             downloads, download_targets, guarded_network, public_addresses
files            object_storage (the protocol), r2_storage (s3_errors), firebase_storage (google_errors), local_disk;
                 streamed_uploads (stored while they are written): multipart_uploads (R2), composed_uploads (Firebase);
                 presigning (URLs of R2)
pictures         images, placeholders, freed_memory; compositing (a product in a scene): cutouts, plain_backgrounds,
                 mask_regions, light_matching, contact_shadows
media files      media_probe (what a file is), trial_reading (in a process of its own, first), picture_packets,
                 sample_tables, frames (a clip's thumbnail)
clips            clip_preparation (the form that compositions copy)
compositions     composer (all of it), sound, segment_encoding, muxing, picture_check
ffmpeg           ffmpeg (runs one), process_limits, watch (until when, who is told), filter_graphs, encoding (how
                 pictures are encoded)
callers          id_tokens (users), app_check (apps)
Cloud            tasks, function_calls
log and traces   logger, log_context (what all entries hold), tracing (spans), cloud_trace (records and sends them),
                 span_outbox
threads          threads (that know for whom they work)
"""
