// Pages that are left in the middle, and networks that are.

import assert from "node:assert/strict";

import { assertAccessible } from "./accessibility.mjs";
import { Frame, JobsPage, pressable, StoryboardPage } from "./pages.mjs";
import { signUp } from "./people.mjs";

const PRICE = /\$\d/;

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

  scenario("what is done without a network is sent when it is back, once", async (begin) => {
    const visit = await begin();
    visit.forgive(
      /ERR_INTERNET_DISCONNECTED|Could not reach Cloud Firestore|WebChannelConnection/,
      /www\.google\.com\/images\/cleardot\.gif/, // Firebase's SDK looks whether there is any network
    );
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
