// From signing up to watching the film, as one user does it.

import assert from "node:assert/strict";
import fs from "node:fs";

import { assertAccessible } from "./accessibility.mjs";
import { Frame, JobsPage } from "./pages.mjs";
import { signUp } from "./people.mjs";
import { assertForwards, watchProgress } from "./progress.mjs";

const ASKED_SECONDS = 3;
const CLIP_SECONDS = (24 * ASKED_SECONDS + 1) / 24; // as the models make them
const CROSSFADE_SECONDS = 0.5;
const PRICE = /\$\d/;

// `told` is given the user and the storyboard when it is over, for the cases that look at what it has left.
export function storyCases(scenario, told) {
  scenario("the whole story: from words to a film that plays", (begin, site) =>
    tell(begin, site).then(told.resolve, (error) => {
      told.reject(error);
      throw error;
    }),
  );
}

async function tell(begin, site) {
  const visit = await begin();
  const { page } = visit;
  const { email, storyboards } = await signUp(visit);
  await visit.picture("storyboards-empty");
  await assertAccessible(page, "no storyboards yet");

  const board = await storyboards.beginExample();
  const url = page.url();
  await board.title.fill("A letter to the sea, by hand");
  await board.style.fill("watercolour, soft light");
  await board.style.blur();
  await board.scene(4).write("A sailing boat on the ocean heads into the sunset, gulls above it");
  for (const number of [1, 2, 3, 4]) await board.scene(number).seconds.fill(String(ASKED_SECONDS));
  await visit.picture("storyboard-words");

  await addProduct(board, site);
  await board.scene(2).more.click();
  await board.scene(2).withProduct.check();

  await makeAllPictures(visit, board);
  await reorder(visit, board);
  await makeOneClip(visit, board);
  await deleteLast(board);
  await makeOtherClips(board);
  await makeFilm(visit, board, site);
  await watchFilm(visit, board);
  await download(visit, board);

  const spent = await board.spent.textContent();
  assert.match(spent, PRICE, "what it has cost is shown");
  assert.doesNotMatch(spent, /\$0$/);
  await lookAtJobs(visit);
  return { email, url };
}

async function addProduct(board, site) {
  await board.products.getByRole("button", { name: "Add product" }).click();
  const dialog = board.dialog("Add product");
  await dialog.getByLabel("Picture", { exact: true }).setInputFiles(site.picture);
  await dialog.getByLabel("Name").fill("Bottle");
  await dialog.getByRole("button", { name: "Add", exact: true }).click();
  await dialog.waitFor({ state: "detached" });
  await board.products.getByRole("listitem").filter({ hasText: "Bottle" }).waitFor();
}

async function makeAllPictures(visit, board) {
  const { page } = visit;
  const { makePicture } = board.scene(1);
  await makePicture.filter({ hasText: PRICE }).waitFor(); // known before it is asked for
  await board.steps.getByRole("button", { name: "Make all 4 pictures" }).click();
  const dialog = board.dialog("Make 4 pictures");
  await dialog.getByText("Cost, if all goes well").waitFor();
  await visit.picture("dialog-pictures");
  await assertAccessible(page, "a dialog");
  const progress = await watchProgress(page);
  await dialog.getByRole("button", { name: /^Make 4 pictures/ }).filter({ hasText: PRICE }).click();
  await dialog.waitFor({ state: "detached" });
  await board.steps.getByRole("progressbar").first().waitFor();
  await visit.picture("storyboard-pictures-being-made");
  await board.step("Pictures").getByText("4 of 4").waitFor();
  const seen = await progress.end();
  assertForwards(seen);
  assert.ok(
    Object.values(seen).some((values) => values.length > 1),
    `progress moves: ${JSON.stringify(seen)}`,
  );
  for (const number of [1, 2, 3, 4]) {
    const picture = board.scene(number).card.getByRole("img").first();
    await picture.waitFor();
    await page.waitForFunction((image) => image.naturalHeight > image.naturalWidth, await picture.elementHandle());
  }
}

async function makeOneClip(visit, board) {
  const scene = board.scene(3);
  const progress = await watchProgress(visit.page);
  await scene.makeClip.filter({ hasText: PRICE }).click();
  await scene.card.getByText("Making the clip").waitFor();
  await pictureForReadme(visit);
  await scene.clip.waitFor();
  assertForwards(await progress.end());
  await board.step("Clips").getByText("1 of 4").waitFor();
}

// The storyboard from its title to the buttons of its first scenes. (docs/studio.webp is this one.)
async function pictureForReadme(visit) {
  const { page } = visit;
  const usual = page.viewportSize();
  await page.setViewportSize({ width: 1280, height: 1050 });
  await page.evaluate(() => scrollTo(0, 0));
  await visit.picture("readme");
  await page.setViewportSize(usual);
}

// By keyboard, and with a mouse that drags.
async function reorder(visit, board) {
  const { page } = visit;
  const [first, second, third, fourth] = await board.words();
  await board.scene(1).later.focus();
  await page.keyboard.press("Enter");
  await page.getByText("Scene 1 is now scene 2").waitFor();
  assert.deepEqual(await board.words(), [second, first, third, fourth]);
  assert.equal(
    await page.evaluate(() => document.activeElement.getAttribute("aria-label")),
    "Move scene 2 later",
    "the focus goes with the scene",
  );

  await drag(page, board.handles.nth(2), board.scene(1).card);
  await page.getByText("Scene 3 is now scene 1").waitFor();
  assert.deepEqual(await board.words(), [third, second, first, fourth]);
  await page.reload();
  await board.scene(4).card.waitFor();
  assert.deepEqual(await board.words(), [third, second, first, fourth], "the order is kept");
}

async function drag(page, handle, target) {
  await handle.scrollIntoViewIfNeeded();
  const from = await handle.boundingBox();
  await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
  await page.mouse.down();
  await page.mouse.move(from.x + from.width / 2 + 8, from.y + from.height / 2 + 8, { steps: 4 });
  await target.scrollIntoViewIfNeeded();
  const to = await target.boundingBox();
  await page.mouse.move(to.x + to.width / 4, to.y + to.height / 4, { steps: 12 });
  await page.mouse.move(to.x + to.width / 4 - 4, to.y + to.height / 4 - 4, { steps: 4 });
  await page.mouse.up();
}

async function deleteLast(board) {
  await board.scene(4).delete.click();
  await board.dialog("Delete scene 4?").getByRole("button", { name: "Delete", exact: true }).click();
  await board.scene(4).card.waitFor({ state: "detached" });
}

async function makeOtherClips(board) {
  await board.steps.getByRole("button", { name: /^Make missing 2/ }).click();
  const dialog = board.dialog("Make 2 clips");
  await dialog.getByRole("button", { name: /^Make 2 clips/ }).filter({ hasText: PRICE }).click();
  await board.step("Clips").getByText("3 of 3").waitFor();
  for (const number of [1, 2, 3]) await board.scene(number).clip.waitFor();
}

async function makeFilm(visit, board, site) {
  const { film } = board;
  await film.uploadMusic(site.music);
  assert.equal(await film.crossfade.isChecked(), true);
  await film.length.fill(String(CROSSFADE_SECONDS));
  await film.transition.selectOption("dissolve");
  const frames = await film.strip.getByRole("img").all();
  const shown = await Promise.all(frames.map((frame) => frame.getAttribute("alt")));
  const words = await board.words();
  assert.deepEqual(
    shown,
    words.map((text, place) => `Scene ${place + 1}: ${text}`),
    "the film has the scenes' order",
  );
  const progress = await watchProgress(visit.page);
  await film.make.click();
  await film.progress.first().waitFor();
  await film.region.scrollIntoViewIfNeeded();
  await visit.picture("film-being-made");
  await film.video.waitFor();
  assertForwards(await progress.end());
  await board.step("Film").getByText("1 of 1").waitFor();
  await film.region.getByText("Clips have changed").waitFor({ state: "detached" });
}

async function watchFilm(visit, board) {
  const { video } = board.film;
  const wanted = 3 * CLIP_SECONDS - 2 * CROSSFADE_SECONDS;
  await video.scrollIntoViewIfNeeded();
  await video.evaluate((player) => player.play());
  await visit.page.waitForFunction((player) => player.currentTime > 0.5, await video.elementHandle());
  const { duration, width, height, error } = await video.evaluate((player) => {
    player.pause();
    return { duration: player.duration, width: player.videoWidth, height: player.videoHeight, error: player.error };
  });
  assert.equal(error, null);
  assert.ok(Math.abs(duration - wanted) < 0.2, `${duration} s, not ${wanted} s`);
  assert.ok(width >= 360 && Math.abs(width / height - 9 / 16) < 0.02, `${width} x ${height}`);
  await board.film.region.getByText(`${width} × ${height}`).waitFor();
  await visit.picture("film");
}

async function download(visit, board) {
  const saved = visit.page.waitForEvent("download");
  await board.film.download.click();
  const file = await saved;
  assert.equal(file.suggestedFilename(), "A letter to the sea, by hand.mp4");
  const content = fs.readFileSync(await file.path());
  assert.equal(content.subarray(4, 8).toString(), "ftyp");
  assert.ok(content.length > 10_000);
}

async function lookAtJobs(visit) {
  const { page } = visit;
  const frame = new Frame(page);
  assert.match(await frame.spentToday.textContent(), PRICE);
  await frame.to("Jobs");
  const list = new JobsPage(page);
  await list.jobs.first().waitFor();
  const kinds = await list.jobs.evaluateAll((rows) => rows.map((row) => row.innerText.split("\n")[0].trim()));
  assert.deepEqual(kinds.slice(0, 3), ["Film", "Clips", "Clip"]);
  assert.equal(kinds.filter((kind) => kind === "Picture").length, 4);
  await list.jobs.first().getByRole("link").click();
  const steps = page.getByRole("region", { name: "Step by step" });
  await steps.getByRole("row").nth(2).waitFor();
  await page.getByRole("region", { name: "Facts" }).getByText("Has cost").waitFor();
}
