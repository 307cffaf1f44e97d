// Pages that are left in the middle, and networks that are.

import assert from "node:assert/strict";

import { assertAccessible } from "./accessibility.mjs";
import { Frame, JobsPage, pressable, StoryboardPage } from "./pages.mjs";
import { signUp } from "./people.mjs";

const PRICE = /\$\d/;
// Where Firebase's SDK loses its connection it looks whether there is any.
const LOOKS_FOR_A_NETWORK = [/WebChannelConnection/, /www\.google\.com\/images\/cleardot\.gif/, /ERR_NAME_NOT_RESOLVED/];

export function connectionCases(scenario) {
  scenario("a page that is loaded again while a picture is made shows how far it is, and its end", async (begin) => {
    const visit = await begin();
    const { storyboards } = await signUp(visit);
    const scene = (await storyboards.begin()).scene(1);
    await scene.write("A mountain lake [stub:slow]");
    await scene.makePicture.click();
    const working = scene.card.getByText("Making the picture");
    await working.waitFor(); // it is at the server
    await visit.page.reload();
    await working.waitFor();
    assert.equal(await scene.text.inputValue(), "A mountain lake [stub:slow]");
    await pressable(scene.anotherPicture).waitFor();
    await scene.progress.waitFor({ state: "detached" });
  });

  scenario("a job that is sent again because its answer got lost is made once, and not called refused", async (begin) => {
    const visit = await begin();
    visit.forgive(/the rules deny something \(Write\)/, ...LOOKS_FOR_A_NETWORK); // it is not written anew
    const { page } = visit;
    await page.addInitScript(loseAnswers);
    const { storyboards } = await signUp(visit);
    const scene = (await storyboards.begin()).scene(1);
    await scene.write("A letter in the post");
    await scene.makePicture.filter({ hasText: PRICE }).waitFor();
    await page.evaluate(() => globalThis.loseOneAnswer());
    await scene.makePicture.click();
    await pressable(scene.anotherPicture).waitFor();
    assert.equal(await page.evaluate(() => globalThis.answersLost), 1);
    assert.equal(await scene.card.getByText("permission-denied").count(), 0);
    const list = new JobsPage(page);
    await list.show(visit.site);
    await list.jobs.first().waitFor();
    assert.equal(await list.jobs.count(), 1);
  });

  scenario("what is done without a network is sent when it is back, once", async (begin) => {
    const visit = await begin();
    visit.forgive(/ERR_INTERNET_DISCONNECTED|Could not reach Cloud Firestore/, ...LOOKS_FOR_A_NETWORK);
    const { page, context } = visit;
    const { storyboards } = await signUp(visit);
    const board = await storyboards.begin();
    const scene = board.scene(1);
    await scene.write("A bridge in the fog");
    await scene.makePicture.filter({ hasText: PRICE }).waitFor(); // so the server has the words, too

    const frame = new Frame(page);
    await context.setOffline(true);
    await frame.offline.waitFor();
    await board.title.fill("Written on the train");
    await board.title.blur();
    await board.addScene.click();
    await board.scene(2).write("A tunnel");
    await scene.makePicture.click();
    await scene.progress.waitFor();
    await visit.picture("offline");
    await assertAccessible(page, "a page without a network");
    await context.setOffline(false);
    await frame.offline.waitFor({ state: "detached" });
    await pressable(scene.anotherPicture).waitFor();

    await page.reload();
    const again = new StoryboardPage(page);
    await again.scene(2).card.waitFor();
    assert.equal(await again.title.inputValue(), "Written on the train");
    assert.deepEqual(await again.words(), ["A bridge in the fog", "A tunnel"]);
    const list = new JobsPage(page);
    await list.show(visit.site);
    await list.jobs.first().waitFor();
    assert.equal(await list.jobs.count(), 1, "one picture was ordered");
  });
}

// Runs in the page: lets what Firestore says to the next write end in the air, with the connection that it came through.
function loseAnswers() {
  let losing = false;
  let gone = null;
  globalThis.answersLost = 0;
  globalThis.loseOneAnswer = () => {
    losing = true;
  };
  const answered = globalThis.fetch;
  globalThis.fetch = async (place, ...options) => {
    const url = new URL(place.url ?? place, location.href);
    const session = url.searchParams.get("SID");
    if (!url.pathname.endsWith("Firestore/Write/channel")) return answered(place, ...options);
    if (gone !== null && session === gone) return new Response("Unknown SID", { status: 400 });
    const answer = await answered(place, ...options);
    if (!answer.body) return answer;
    const text = new TextDecoder();
    const heard = new TransformStream({
      transform(chunk, controller) {
        if (!losing || !text.decode(chunk, { stream: true }).includes("writeResults")) return controller.enqueue(chunk);
        losing = false;
        gone = session;
        globalThis.answersLost += 1;
        controller.error(new TypeError("network error"));
      },
    });
    return new Response(answer.body.pipeThrough(heard), answer);
  };
}
