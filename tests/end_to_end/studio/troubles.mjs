// What goes wrong, and what is stopped.

import assert from "node:assert/strict";

import { assertAccessible } from "./accessibility.mjs";
import { JobsPage, pressable } from "./pages.mjs";
import { signUp } from "./people.mjs";

const PROVIDER_FAILS = "A lighthouse in the storm [stub:fail]";

export function troubleCases(scenario) {
  scenario("a picture that fails says why, and is made once its words are corrected", async (begin) => {
    const visit = await begin();
    const { storyboards } = await signUp(visit);
    const scene = (await storyboards.begin()).scene(1);
    await scene.write(PROVIDER_FAILS);
    await scene.makePicture.click();
    await scene.trouble.waitFor();
    await visit.picture("scene-failed");
    await assertAccessible(visit.page, "a scene that failed");
    const told = await scene.trouble.innerText();
    assert.match(told, /could not handle this input/, "the sentence");
    assert.match(told, /\bprediction_failed\b/, "the code");

    await scene.write("A lighthouse after the storm");
    await scene.retry.click();
    await scene.anotherPicture.waitFor();
    await scene.trouble.waitFor({ state: "detached" });
  });

  scenario("a clip that is stopped ends, and can be made again", async (begin) => {
    const visit = await begin();
    const { storyboards } = await signUp(visit);
    const scene = (await storyboards.begin()).scene(1);
    await scene.write("A quiet harbour");
    await scene.seconds.fill("2");
    await scene.makePicture.click();
    await pressable(scene.makeClip).waitFor();
    await scene.write("A quiet harbour [stub:hang]");
    await scene.makeClip.click();
    await scene.stop.click();
    await scene.stop.waitFor({ state: "detached" });
    await scene.clip.waitFor({ state: "detached" });
    await visit.picture("scene-stopped");
    assert.equal(await scene.trouble.count(), 0, "what was stopped has not failed");

    await scene.write("A quiet harbour in the morning");
    await scene.makeClip.click();
    await scene.clip.waitFor();
    const list = new JobsPage(visit.page);
    await list.show(visit.site);
    await list.jobs.filter({ hasText: "Canceled" }).waitFor();
  });
}
