"""What the functions do.

a job's turn     run_job (claim, advance), turns (its steps), job_ends (written down, and told), admission,
                 named_documents, dry_run, earlier_jobs, failures, leftovers, scene_marks; tools (what they all
                 work with)
