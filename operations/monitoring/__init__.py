"""What watches over a deployment in Google Cloud: files, and the command that makes them so there.

metrics/*.json      log-based metrics on the events of pipeline.domain.log_events
policies/*.json     alerts; each links to its runbook in docs/operations.md
dashboard.json      one page that shows it all
definitions         reads the files, and fills in what differs between deployments
gcloud              runs gcloud, and says in a sentence what it did not like
plan                what is there already, and so which commands are needed
"""
