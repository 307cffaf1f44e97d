/** Every query that the page sends. firestore.indexes.json has an index for each that needs one. */
import { collection, doc, limit, orderBy, query, where } from "firebase/firestore";
import { db } from "../firebase";
import { JOB_COLLECTIONS, type JobKind } from "../pipeline/documents";

const MOST = 100;

const own = (name: string, uid: string) => query(collection(db, name), where("user_id", "==", uid));

/** Those touched last come first. */
export const storyboardsOf = (uid: string, most: number) =>
  query(own("storyboards", uid), orderBy("updated_at", "desc"), limit(most));

export const scenesOf = (uid: string, storyboardId: string) =>
  query(own("scenes", uid), where("storyboard_id", "==", storyboardId));

/** Of all storyboards: the scenes touched last. */
export const latestScenesOf = (uid: string) =>
  query(own("scenes", uid), orderBy("updated_at", "desc"), limit(MOST * 5));

export const productsOf = (uid: string) => query(own("products", uid), limit(MOST));

/** The newest jobs of one kind. */
export const jobsOf = (uid: string, kind: JobKind) =>
  query(own(JOB_COLLECTIONS[kind], uid), orderBy("created_at", "desc"), limit(MOST));

/** The newest jobs of one kind that belong to a storyboard. */
export const storyboardJobs = (uid: string, kind: JobKind, storyboardId: string) =>
  query(
    own(JOB_COLLECTIONS[kind], uid),
    where("storyboard_id", "==", storyboardId),
    orderBy("created_at", "desc"),
    limit(MOST),
  );

export const storyboard = (storyboardId: string) => doc(db, "storyboards", storyboardId);

export const job = (kind: JobKind, jobId: string) => doc(db, JOB_COLLECTIONS[kind], jobId);

/** The video of a storyboard, as the pipeline keeps it: also when the job that made it is long forgotten. */
export const videoOf = (uid: string, videoId: string) => doc(db, "users", uid, "videos", videoId);

/** What a user has spent in a UTC day. */
export const usageOf = (uid: string, day: string) => doc(db, "users", uid, "usage", day);
