"""Documents in Firestore, one kind a module; each write is atomic, and safe to repeat.

jobs             jobs, job_documents (read with care), stuck_jobs, usage (limits), shared_day (of all users)
money            predictions, results (what can be used again)
users' own       scenes (storyboards and products too)
videos           videos, clips, clip_statistics, deletions, document_imports, metadata_phases
all of them      documents (commits on condition, pages)
"""
