import type { Job, JobKind } from "../pipeline/documents";

/** Why a job has failed, and what can be done about it. */
export function JobTrouble({ kind, job }: { kind: JobKind; job: Job }) {
  return (
    <div>
      {kind} {job.error?.message}
    </div>
  );
}
