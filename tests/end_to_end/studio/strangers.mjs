// What other users see of a user's work: nothing.

import assert from "node:assert/strict";

import { assertAccessible } from "./accessibility.mjs";
import { Frame, JobsPage, SignInPage, StoryboardsPage } from "./pages.mjs";
import { newEmail, signUp } from "./people.mjs";

export function strangerCases(scenario) {
  scenario("another user sees nothing of the first, not even in the same browser", async (begin) => {
    const owner = await begin();
    const { storyboards } = await signUp(owner);
    const board = await storyboards.begin();
    await board.title.fill("My secret film");
    await board.title.blur();
    const scene = board.scene(1);
    await scene.write("A treasure map");
    await scene.makePicture.click();
    await scene.anotherPicture.waitFor();
    const places = [new URL(owner.page.url()).pathname, await pictureJob(owner)];

    const other = await begin();
    await signUp(other);
    await assertSeesNothing(other, places);

    await new Frame(owner.page).signOut();
    await new SignInPage(owner.page).signUp(newEmail());
    await new StoryboardsPage(owner.page).empty.waitFor();
    await assertSeesNothing(owner, places);
  });
}

async function pictureJob({ page, site }) {
  const list = new JobsPage(page);
  await list.show(site);
  return list.pathOf("A treasure map");
}

async function assertSeesNothing(visit, places) {
  const { page, site } = visit;
  visit.forgive(/the rules deny something/); // they are asked for what is another's
  for (const path of places) {
    await page.goto(`${site.url}${path}`);
    await page.getByText("This is not yours, or it does not exist.").waitFor();
    await page.getByText("permission-denied").waitFor();
    assert.equal(await page.getByText("treasure").count(), 0);
    assert.equal(await page.getByText("secret film").count(), 0);
  }
  await visit.picture("refused");
  await assertAccessible(page, "a refusal");
  const list = new JobsPage(page);
  await list.show(site);
  await list.empty.waitFor();
  await assertAccessible(page, "no jobs yet");
  await page.goto(site.url);
  await new StoryboardsPage(page).empty.waitFor();
}
