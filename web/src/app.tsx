/** The page: its frame, and which part of it a path shows. */

import type { ComponentChildren } from "preact";
import { useEffect, useErrorBoundary, useRef } from "preact/hooks";
import { LocationProvider, lazy, Route, Router, useLocation } from "preact-iso";
import { NotFound } from "./pages/not-found";
import { SignIn } from "./pages/sign-in";
import { StoryboardPage } from "./pages/storyboard/storyboard-page";
import { Storyboards } from "./pages/storyboards";
import { Button } from "./parts/button";
import { Skeleton } from "./parts/empty";
import { Notice } from "./parts/notice";
import { Toasts } from "./parts/toasts";
import { SessionGate } from "./session";
import { Foot } from "./shell/foot";
import { OfflineBar } from "./shell/offline-bar";
import { TopBar } from "./shell/top-bar";

const JobsPage = lazy(() => import("./pages/jobs/jobs-page").then((module) => module.JobsPage));
const JobPage = lazy(() => import("./pages/jobs/job-page").then((module) => module.JobPage));

export function Studio() {
  return (
    <>
      <SessionGate visitors={<Visitors />} waiting={<Waiting />}>
        <LocationProvider>
          <div class="shell">
            <a class="skip" href="#content">
              Skip to the content
            </a>
            <div>
              <TopBar />
              <OfflineBar />
            </div>
            <main id="content" tabIndex={-1}>
              <Guarded>
                <Router>
                  <Route path="/" component={Storyboards} />
                  <Route path="/storyboards/:storyboardId" component={StoryboardPage} />
                  <Route path="/jobs" component={JobsPage} />
                  <Route path="/jobs/:kind/:jobId" component={JobPage} />
                  <Route default component={NotFound} />
                </Router>
              </Guarded>
              <NewPage />
            </main>
            <Foot />
          </div>
        </LocationProvider>
      </SessionGate>
      <Toasts />
    </>
  );
}

function Visitors() {
  return (
    <div class="shell">
      <SignIn />
      <Foot />
    </div>
  );
}

function Waiting() {
  return (
    <div class="page">
      <Skeleton height="60vh" label="Signing in" />
    </div>
  );
}

/** A page that fails, over a document that nobody foresaw, says so; all others can still be gone to. */
function Guarded({ children }: { children: ComponentChildren }) {
  const { path } = useLocation();
  const [error, reset] = useErrorBoundary();
  const failed = useRef(path);
  useEffect(() => {
    if (failed.current !== path) reset();
    failed.current = path;
  }, [path, reset]);
  if (!error) return <>{children}</>;
  return (
    <div class="page">
      <div class="page__head">
        <h1>This page cannot be shown</h1>
      </div>
      <Notice tone="bad" actions={<Button onClick={() => location.reload()}>Load it again</Button>}>
        {String(error.message)}
      </Notice>
    </div>
  );
}

/** A new path is a new page: it is read from its beginning, and the keyboard goes on there. */
function NewPage() {
  const { path } = useLocation();
  const shown = useRef(path);
  useEffect(() => {
    if (shown.current === path) return;
    shown.current = path;
    scrollTo(0, 0);
    document.getElementById("content")?.focus({ preventScroll: true });
  }, [path]);
  return null;
}
