import { Film, Image, Layers, Video } from "lucide";
import type { Job } from "../../pipeline/documents";
import { STATUS_NAMES, STATUS_TONES } from "../../words";

export const KIND_ICONS = { image: Image, video: Video, multi_video: Layers, composition: Film };

/** How far a job is, as a word on a colour. */
export function StateBadge({ job }: { job: Job }) {
  return (
    <span class="badge" data-tone={STATUS_TONES[job.status]}>
      {STATUS_NAMES[job.status] ?? job.status}
    </span>
  );
}
