"""What is decided, and how things are called. Pure: nothing here reads or writes anything.

jobs             jobs (a job's life), job_fields (of every document), requests (what a client asks for), results,
                 outcomes, retries, estimates, quotas, shared_budget (of all users), schema_versions (which code can
                 read whose documents)
errors, log      errors (the tree of all), redaction (what no text may hold), log_events (what metrics are made from),
                 trace_contexts
predictions      predictions (paid once), shared_seeds (whose it is where clients choose the seed), content_keys (what
                 was made of the same before), models, model_inputs
words            scene_words (of a scene, and of its story's look), scene_writing (what a writer is told), prompts,
                 blend_prompts (of Kontext)
documents        documents (of users: storyboards, scenes, products)
clips            clips (documents), clip_names, object_keys, pages, metadata_modes, url_lifetimes
files of clips   catalogue (what they tell), manifests, highlights, json_files, imports (into Firestore)
media            media (what a file is), media_types, media_records, avc_packets, copy_points, parameter_sets
compositions     media_plans (the plan), media_forms, media_copies, media_segments, media_work, transitions,
                 media_warnings
"""
