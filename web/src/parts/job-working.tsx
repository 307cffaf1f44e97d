import { CircleStop } from "lucide";
import { db } from "../firebase";
import type { Job, JobKind } from "../pipeline/documents";
import { cancelJob } from "../pipeline/jobs";
import { atWork } from "../words";
import { Button } from "./button";
import { sayFailure } from "./failure";
import "./job-working.css";
import { Progress } from "./progress";

/** How far a job is that has not ended, and a way to stop it. */
export function JobWorking({ kind, job }: { kind: JobKind; job: Job & { id: string } }) {
  const stop = () => cancelJob(db, kind, job.id).catch(sayFailure("It could not be stopped"));
  return (
    <div class="job-working">
      <Progress
        label={atWork(kind, job)}
        percent={job.status === "processing" ? (job.progress_percent ?? 0) : undefined}
      />
      <Button icon={CircleStop} busy={job.cancel_requested === true} onClick={stop}>
        Stop
      </Button>
    </div>
  );
}
