"""A deployment before users see it: something to look at, and a test that it works. docs/staging.md tells how.

smoke_test        python -m operations.staging.smoke_test: one tiny job of each kind, as a user
  smoke_target      which deployment, and as whom
  smoke_orders      the tiny jobs
  smoke_run         writes them, waits, cleans up
  smoke_checks      what must be there then, and what must be refused
  findings          what was found, as a table and as JSON
seed              python -m operations.staging.seed: data of a demo user, as an administrator
  seed_users        whose they are
  seed_story        what they tell
  seed_media        their pictures and clips, made here
  seed_files        where those lie, and their way there
  seed_documents    storyboards, scenes, products, videos, clips
  seed_jobs         jobs, all of them over
  seeding           written, and taken away again
"""
