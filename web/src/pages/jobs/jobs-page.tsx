import { Inbox, SearchX } from "lucide";
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { type Listening, useDocuments } from "../../data/listen";
import { jobsOf } from "../../data/queries";
import { createdAt } from "../../data/scene-jobs";
import { Button } from "../../parts/button";
import { Empty, Skeleton } from "../../parts/empty";
import { Icon } from "../../parts/icon";
import { Notice } from "../../parts/notice";
import { usePageTitle } from "../../parts/page-title";
import { Picture } from "../../parts/picture";
import { Progress } from "../../parts/progress";
import { Segments } from "../../parts/segments";
import { useNow } from "../../parts/ticking";
import { JOB_KINDS, type Job, type JobKind } from "../../pipeline/documents";
import { hasEnded } from "../../pipeline/jobs";
import { useUser } from "../../session";
import { atWork, firestoreSentence, KIND_NAMES, time } from "../../words";
import { KIND_ICONS, StateBadge } from "./job-marks";
import "./jobs-page.css";
import { type AnyJob, costOf, lengthOf, nameOf, thumbnailOf } from "./words-of-job";

const KINDS = { all: "All", pictures: "Pictures", clips: "Clips", films: "Films" };
type Kinds = keyof typeof KINDS;
const FILTER_OF: Record<JobKind, Kinds> = {
  image: "pictures",
  video: "clips",
  multi_video: "clips",
  composition: "films",
};
const isOf = (kinds: Kinds, kind: JobKind) => kinds === "all" || FILTER_OF[kind] === kinds;

const STATES = { all: "All", working: "Working", done: "Done", failed: "Failed", canceled: "Canceled" };
type States = keyof typeof STATES;
const IS_STATE: Record<States, (job: Job) => boolean> = {
  all: () => true,
  working: (job) => !hasEnded(job),
  done: (job) => job.status === "complete",
  failed: (job) => job.status === "error",
  canceled: (job) => job.status === "canceled",
};

const AT_ONCE = 50;

/** All that was ever asked for, as long as it is remembered: the newest first. */
export function JobsPage() {
  usePageTitle("Jobs");
  const all = JOB_KINDS.map(useJobs);
  const failed = all.find((one) => one.state === "failed");
  const jobs = all
    .flatMap((one) => (one.state === "ready" ? one.data : []))
    .sort((a, b) => createdAt(b.job) - createdAt(a.job) || a.job.id.localeCompare(b.job.id));

  return (
    <div class="page">
      <div class="page__head">
        <h1>Jobs</h1>
      </div>
      {failed && (
        <Notice tone="bad" code={failed.error.code}>
          {firestoreSentence(failed.error)}
        </Notice>
      )}
      {all.some((one) => one.state === "loading") ? (
        <Skeleton height="60vh" label="Loading the jobs" />
      ) : (
        (jobs.length > 0 || !failed) && <Filtered jobs={jobs} />
      )}
    </div>
  );
}

function useJobs(kind: JobKind): Listening<AnyJob[]> {
  const { uid } = useUser();
  const found = useDocuments<Job>(`${kind} ${uid}`, () => jobsOf(uid, kind));
  if (found.state !== "ready") return found;
  const asked = found.data.filter((job) => job.dry_run !== true);
  return { ...found, data: asked.map((job) => ({ kind, job }) as AnyJob) };
}

/** The filter stands in the address: a reload, or a link, shows the same. */
function Filtered({ jobs }: { jobs: AnyJob[] }) {
  const { path, query, route } = useLocation();
  const [shown, setShown] = useState(AT_ONCE);
  const kinds = oneOf(KINDS, query.kind);
  const states = oneOf(STATES, query.state);
  const now = useNow(jobs.some(({ job }) => !hasEnded(job)));

  const filter = (next: { kind: Kinds; state: States }) => {
    const asked = Object.entries(next).filter(([, value]) => value !== "all");
    const text = new URLSearchParams(asked).toString();
    setShown(AT_ONCE);
    route(text ? `${path}?${text}` : path, true);
  };

  if (jobs.length === 0) {
    return (
      <Empty
        icon={Inbox}
        title="No jobs yet"
        actions={
          <a class="button" data-kind="primary" href="/">
            To your storyboards
          </a>
        }
      >
        Every picture, clip and film that you ask for is a job, and stands here.
      </Empty>
    );
  }
  const ofKind = jobs.filter(({ kind }) => isOf(kinds, kind));
  const ofState = jobs.filter(({ job }) => IS_STATE[states](job));
  const found = ofKind.filter(({ job }) => IS_STATE[states](job));
  return (
    <>
      <div class="jobs__filters">
        <Segments
          label="Kind"
          options={KINDS}
          counts={counts(KINDS, (one) => ofState.filter(({ kind }) => isOf(one, kind)).length)}
          value={kinds}
          onChange={(kind) => filter({ kind, state: states })}
        />
        <Segments
          label="State"
          options={STATES}
          counts={counts(STATES, (one) => ofKind.filter(({ job }) => IS_STATE[one](job)).length)}
          value={states}
          onChange={(state) => filter({ kind: kinds, state })}
        />
      </div>
      {found.length === 0 ? (
        <Empty
          icon={SearchX}
          title="None like this"
          actions={<Button onClick={() => filter({ kind: "all", state: "all" })}>Show all jobs</Button>}
        >
          There are other jobs: choose less, or show all of them.
        </Empty>
      ) : (
        <ul class="jobs" aria-label="Jobs, newest first">
          {found.slice(0, shown).map((one) => (
            <JobRow key={one.job.id} of={one} now={now} />
          ))}
        </ul>
      )}
      {found.length > shown && (
        <div class="jobs__more">
          <Button onClick={() => setShown(shown + AT_ONCE)}>Show more</Button>
        </div>
      )}
    </>
  );
}

function oneOf<Value extends string>(options: Record<Value, string>, asked: string | undefined): Value {
  return (asked !== undefined && Object.hasOwn(options, asked) ? asked : "all") as Value;
}

function counts<Value extends string>(options: Record<Value, string>, amount: (one: Value) => number) {
  return Object.fromEntries((Object.keys(options) as Value[]).map((one) => [one, amount(one)])) as Record<
    Value,
    number
  >;
}

function JobRow({ of, now }: { of: AnyJob; now: number }) {
  const { kind, job } = of;
  const thumbnail = thumbnailOf(of);
  return (
    <li class="card job-row">
      <div class="job-row__media">
        {thumbnail ? (
          <Picture src={thumbnail.url} alt="" placeholder={thumbnail.placeholder} ratio="1" />
        ) : (
          <Icon of={KIND_ICONS[kind]} size={24} />
        )}
      </div>
      <div class="job-row__words">
        <p class="job-row__kind">
          <Icon of={KIND_ICONS[kind]} size={14} /> {KIND_NAMES[kind]}
        </p>
        <a class="job-row__link" href={`/jobs/${kind}/${job.id}`}>
          {nameOf(of)}
        </a>
        {job.status === "error" && <p class="job-row__error">{job.error?.message}</p>}
      </div>
      <div class="job-row__state">
        {job.status === "processing" ? (
          <Progress label={atWork(kind, job)} percent={job.progress_percent ?? 0} />
        ) : (
          <StateBadge job={job} />
        )}
      </div>
      <p class="job-row__facts">
        <span>{job.created_at && time(job.created_at)}</span>
        <span>{[lengthOf(job, now), costOf(job)].filter(Boolean).join(" · ")}</span>
      </p>
    </li>
  );
}
