import { ArrowLeft } from "lucide";
import type { ComponentChildren } from "preact";
import { isId, useDocument } from "../../data/listen";
import { job as jobDocument } from "../../data/queries";
import { Skeleton } from "../../parts/empty";
import { Icon } from "../../parts/icon";
import { JobTrouble, RetryButton } from "../../parts/job-trouble";
import { JobWorking } from "../../parts/job-working";
import { Notice } from "../../parts/notice";
import { usePageTitle } from "../../parts/page-title";
import { useNow } from "../../parts/ticking";
import { type Adjustment, JOB_COLLECTIONS, JOB_KINDS, type Job, type JobKind } from "../../pipeline/documents";
import { hasEnded } from "../../pipeline/jobs";
import { firestoreSentence, KIND_NAMES, seconds, time, usd } from "../../words";
import { NotFound } from "../not-found";
import { KIND_ICONS, StateBadge } from "./job-marks";
import "./job-page.css";
import { JobResult } from "./job-result";
import { RawDocument } from "./raw-document";
import { Timeline } from "./timeline";
import { type AnyJob, nameOf, secondsOf } from "./words-of-job";

/** Everything about one job. */
export function JobPage({ kind, jobId }: { kind: string; jobId: string }) {
  const known = JOB_KINDS.find((one) => one === kind);
  return known && isId(jobId) ? <KnownKind key={`${kind} ${jobId}`} kind={known} jobId={jobId} /> : <NotFound />;
}

function KnownKind({ kind, jobId }: { kind: JobKind; jobId: string }) {
  const found = useDocument<Job>(jobDocument(kind, jobId));
  return (
    <div class="page job">
      <a class="job__back" href="/jobs">
        <Icon of={ArrowLeft} size={18} /> All jobs
      </a>
      {found.state === "loading" && <Skeleton height="60vh" label="Loading the job" />}
      {found.state === "failed" && (
        <>
          <h1 class="visually-hidden">A job that cannot be shown</h1>
          <Notice tone="bad" code={found.error.code}>
            {firestoreSentence(found.error)}
            {/* the rules do not tell one that is not there from somebody else's */}
            {found.error.code === "permission-denied" && " Jobs that have ended are forgotten after some weeks."}
          </Notice>
        </>
      )}
      {found.state === "ready" && found.data === null && (
        <>
          <h1 class="visually-hidden">A job that is not there</h1>
          <Notice tone="bad" code="not-found">
            There is no such job: those that have ended are forgotten after some weeks.
          </Notice>
        </>
      )}
      {found.state === "ready" && found.data !== null && <Shown of={{ kind, job: found.data } as AnyJob} />}
    </div>
  );
}

function Shown({ of }: { of: AnyJob }) {
  const { kind, job } = of;
  const now = useNow(!hasEnded(job));
  usePageTitle(nameOf(of).slice(0, 60));
  return (
    <>
      <header class="job__head">
        <p class="job__kind">
          <Icon of={KIND_ICONS[kind]} size={16} /> {KIND_NAMES[kind]} <StateBadge job={job} />
        </p>
        <h1 class="job__name">{nameOf(of)}</h1>
      </header>
      {!hasEnded(job) && (
        <div class="card job__working">
          <JobWorking kind={kind} job={job} />
        </div>
      )}
      <JobTrouble kind={kind} job={job} />
      {job.status === "canceled" && (
        <Notice actions={<RetryButton kind={kind} job={job} />}>
          It was stopped. What was finished is kept: another try makes, and pays, only the rest.
        </Notice>
      )}
      <JobResult of={of} />
      <Facts of={of} now={now} />
      <section class="card job__section" aria-labelledby="timeline-heading">
        <h2 id="timeline-heading">Step by step</h2>
        <Timeline job={job} now={now} sceneNames={sceneNames(of)} />
      </section>
      <RawDocument path={`${JOB_COLLECTIONS[kind]}/${job.id}`} job={job} />
    </>
  );
}

function sceneNames({ kind, job }: AnyJob): Map<number, string> {
  if (kind !== "multi_video" || !Array.isArray(job.scenes)) return new Map();
  return new Map(job.scenes.map((scene) => [scene?.scene_number, scene?.description]));
}

function Facts({ of, now }: { of: AnyJob; now: number }) {
  const { kind, job } = of;
  const took = secondsOf(job, now);
  const made = kind === "image" || kind === "video" ? job : undefined;
  const duplicateOf = pageOf(job.duplicate_of);
  return (
    <section class="card job__section" aria-labelledby="facts-heading">
      <h2 id="facts-heading">Facts</h2>
      <dl class="job__facts">
        <Fact name="Created">{job.created_at && time(job.created_at)}</Fact>
        <Fact name={hasEnded(job) ? "Took" : "So far"}>{took !== null && seconds(took)}</Fact>
        <Fact name="Estimated before">{job.estimated_cost_usd !== undefined && usd(job.estimated_cost_usd)}</Fact>
        <Fact name="Has cost">
          {job.cost_usd === undefined ? "known when it has ended" : usd(job.cost_usd)}
          {made?.reused_from && ": made before, and not paid again"}
        </Fact>
        <Fact name="Attempts">{job.attempt}</Fact>
        <Fact name="Turns of a function">{job.turn}</Fact>
        <Fact name="Model">{made?.model}</Fact>
        <Fact name="Seed">{made?.seed}</Fact>
        <Fact name="Storyboard">
          {job.storyboard_id && <a href={`/storyboards/${job.storyboard_id}`}>Open the storyboard</a>}
        </Fact>
        <Fact name="Another try of">
          {job.retry_of && <a href={`/jobs/${kind}/${job.retry_of}`}>the earlier job</a>}
        </Fact>
        <Fact name="Done by">{duplicateOf && <a href={duplicateOf}>the job with the same request id</a>}</Fact>
        <Fact name="Made by">
          {made?.reused_from &&
            (kind === "video" ? (
              <EarlierClip jobId={made.reused_from} />
            ) : (
              <EarlierJob kind={kind} jobId={made.reused_from} />
            ))}
        </Fact>
        <Fact name="Prompt">
          {made?.prompt && <span class="job__prompt">{made.prompt}</span>}
          {made?.prompt_source === "openai" && <span class="job__soft"> (written by a language model)</span>}
        </Fact>
      </dl>
      {"adjustments" in job && !!job.adjustments?.length && <Adjustments adjustments={job.adjustments} />}
    </section>
  );
}

/** Nothing, where there is nothing to say. */
function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  const isEmpty = [children].flat().every((one) => one === null || one === undefined || one === false || one === "");
  if (isEmpty) return null;
  return (
    <div class="job__fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** A clip may have been made alone, or among others: which one is looked up. */
function EarlierClip({ jobId }: { jobId: string }) {
  const together = useDocument<Job>(jobDocument("multi_video", jobId));
  const kind: JobKind = together.state === "ready" && together.data !== null ? "multi_video" : "video";
  return <EarlierJob kind={kind} jobId={jobId} />;
}

const EarlierJob = ({ kind, jobId }: { kind: JobKind; jobId: string }) => (
  <a href={`/jobs/${kind}/${jobId}`}>an earlier job</a>
);

/** `video_generation_jobs/abc` as a path of this page. */
function pageOf(path: string | undefined): string | null {
  const [collection, id] = path?.split("/") ?? [];
  const kind = JOB_KINDS.find((one) => JOB_COLLECTIONS[one] === collection);
  return kind && id ? `/jobs/${kind}/${id}` : null;
}

const FIELDS: Record<string, string> = {
  aspect_ratio: "Shape",
  duration: "Length",
  resolution: "Sharpness",
  camera_fixed: "Fixed camera",
  model: "Model",
  prompt_source: "Words",
  composite_method: "Product",
};

function Adjustments({ adjustments }: { adjustments: Adjustment[] }) {
  return (
    <>
      <h3>What could not be had as asked</h3>
      <ul class="job__adjustments">
        {adjustments.map((one) => (
          <li key={one.field}>
            <strong>{fieldName(one.field)}</strong>: asked for {String(one.asked)}, used {String(one.used)}.{" "}
            <span class="job__soft">{one.reason}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

/** `scenes.0.duration`: of the first scene. */
function fieldName(field: string): string {
  const [, place, own = field] = /^scenes\.(\d+)\.(.*)$/.exec(field) ?? [];
  const words = FIELDS[own] ?? own;
  return place === undefined ? words : `${words}, scene ${Number(place) + 1} of the list`;
}
