import { WandSparkles } from "lucide";
import { useEffect, useState } from "preact/hooks";
import type { Board } from "../../data/board";
import { type Offer, offerOf, order, type Plan, planOf } from "../../data/offers";
import { MEDIUM_NOUNS, type Medium } from "../../data/stages";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { sayFailure } from "../../parts/failure";
import { Notice } from "../../parts/notice";
import { announce } from "../../parts/toasts";
import { useUser } from "../../session";
import { count, firestoreSentence, usd } from "../../words";
import "./generate-all.css";

const LONG_MILLISECONDS = 15_000;

type Asked =
  | { state: "asking"; isLong: boolean }
  | { state: "failed"; code?: string; message: string }
  /** `of`: the plan that it was asked for */
  | { state: "told"; offer: Offer; of: string };

/** Says what many pictures or clips will cost, and what will be different from what was asked for; then orders them. */
export function GenerateAll(props: { board: Board; medium: Medium; onClose: () => void }) {
  const { uid } = useUser();
  // the storyboard may change meanwhile, in another tab: what is ordered is what is missing now
  const plan = planOf(props.board, props.medium);
  const wanted = JSON.stringify(plan.jobs);
  const [asked, setAsked] = useState<Asked>({ state: "asking", isLong: false });
  const [attempt, setAttempt] = useState(0);
  const things = count(plan.scenes.length, MEDIUM_NOUNS[plan.medium]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `wanted` says whether the plan is another one
  useEffect(() => {
    if (plan.jobs.length === 0) return props.onClose();
    let isHeard = true;
    const say = (told: Asked) => isHeard && setAsked(told);
    say({ state: "asking", isLong: false });
    const timer = setTimeout(() => say({ state: "asking", isLong: true }), LONG_MILLISECONDS);
    offerOf(uid, plan)
      .then(
        (offer) => say({ state: "told", offer, of: wanted }),
        (error) => say({ state: "failed", code: error.code, message: firestoreSentence(error) }),
      )
      .finally(() => clearTimeout(timer));
    return () => {
      isHeard = false;
      clearTimeout(timer);
    };
  }, [wanted, attempt]);

  const start = () => {
    order(uid, plan).written.then(({ refused, error }) => {
      if (refused === 0) return;
      const which = plan.jobs.length === 1 ? `The ${things}` : `${refused} of ${plan.jobs.length} orders`;
      sayFailure(`${which} could not be started`)(error);
    });
    announce(plan.scenes.length === 1 ? `One ${things.slice(2)} is being made.` : `${things} are being made.`);
    props.onClose();
  };
  const offer = asked.state === "told" && asked.of === wanted && !asked.offer.refusal ? asked.offer : null;
  return (
    <Dialog
      title={`Make ${things}`}
      onClose={props.onClose}
      actions={
        <>
          <Button onClick={props.onClose}>Not now</Button>
          <Button
            kind="primary"
            icon={WandSparkles}
            price={offer?.usd}
            busy={asked.state === "asking"}
            disabled={!offer}
            onClick={start}
          >
            Make {things}
          </Button>
        </>
      }
    >
      <div class="generate">
        <p>{whatWillBeMade(plan)}</p>
        {plan.unready.length > 0 && <p class="generate__soft">{leftOut(plan)}</p>}
        {plan.later > 0 && (
          <p class="generate__soft">These are as many as go at once. Make the other {plan.later} when they are done.</p>
        )}
        <Answer asked={asked} onRetry={() => setAttempt(attempt + 1)} />
      </div>
    </Dialog>
  );
}

function Answer({ asked, onRetry }: { asked: Asked; onRetry: () => void }) {
  return (
    <div class="generate" role="status">
      {asked.state === "asking" && (
        <p class="generate__soft">
          Asking what it costs …{asked.isLong && " It takes longer than usual. Are you online?"}
        </p>
      )}
      {asked.state === "failed" && (
        <Notice tone="bad" code={asked.code} actions={<Button onClick={onRetry}>Ask again</Button>}>
          What it costs could not be asked. {asked.message}
        </Notice>
      )}
      {asked.state === "told" && asked.offer.refusal && (
        <Notice
          tone="bad"
          code={asked.offer.refusal.code}
          actions={asked.offer.refusal.retryable && <Button onClick={onRetry}>Ask again</Button>}
        >
          {asked.offer.refusal.message}
        </Notice>
      )}
      {asked.state === "told" && !asked.offer.refusal && <Terms offer={asked.offer} />}
    </div>
  );
}

function Terms({ offer }: { offer: Offer }) {
  return (
    <>
      <p class="generate__cost">
        <span>Cost, if all goes well</span>
        <strong>{offer.usd > 0 ? usd(offer.usd) : "nothing"}</strong>
      </p>
      {offer.adjustments.length > 0 && (
        <div class="generate__changes">
          <p>Not quite as you asked:</p>
          <ul>
            {offer.adjustments.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
          <p class="generate__soft">{offer.reasons.join(" ")}</p>
        </div>
      )}
    </>
  );
}

const LIST = new Intl.ListFormat("en-GB");

const named = (numbers: number[]) => `${numbers.length === 1 ? "scene" : "scenes"} ${LIST.format(numbers.map(String))}`;

function whatWillBeMade({ medium, numbers, jobs }: Plan): string {
  if (medium === "image") {
    const request = jobs[0]?.request;
    const shape = request && "aspect_ratio" in request && request.aspect_ratio;
    return `${numbers.length === 1 ? "A picture" : "One picture each"} for ${named(numbers)}${shape ? `, in ${shape}` : ""}.`;
  }
  return `${numbers.length === 1 ? "A clip" : "One clip each"}, from the picture of ${named(numbers)}.`;
}

function leftOut({ medium, unready }: Plan): string {
  const before = medium === "image" ? "words" : "picture";
  const lack = `${unready.length === 1 ? "it has" : "they have"} no ${before} yet`;
  const sentence = `${named(unready)} ${unready.length === 1 ? "is" : "are"} left out: ${lack}.`;
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
