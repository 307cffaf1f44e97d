// The story's beginning without a mouse.

import assert from "node:assert/strict";

import { assertFocusIsKept, Keyboard } from "./keyboard.mjs";
import { Frame, PASSWORD, pressable, SignInPage, StoryboardPage, StoryboardsPage } from "./pages.mjs";
import { newEmail } from "./people.mjs";

export function keyCases(scenario) {
  scenario("with a keyboard alone: sign up, write, make a picture", async (begin) => {
    const visit = await begin();
    const { page } = visit;
    const keyboard = new Keyboard(page);
    await page.goto(visit.site.url);
    const door = new SignInPage(page);
    await door.newHere.waitFor();
    await keyboard.press(door.newHere);
    await door.create.waitFor();
    await assertFocusIsKept(page, "after choosing to be new");
    await page.reload();
    await door.newHere.waitFor();
    await keyboard.press(door.newHere);
    await keyboard.type(door.email, newEmail());
    await keyboard.type(door.password, PASSWORD);
    await page.keyboard.press("Enter");
    await new Frame(page).navigation.waitFor();

    await keyboard.press(new StoryboardsPage(page).create);
    const board = new StoryboardPage(page);
    await board.title.waitFor();
    await keyboard.type(board.title, "By hand");
    const scene = board.scene(1);
    await keyboard.type(scene.text, "A paper boat on a pond");
    await pressable(scene.makePicture).waitFor();

    await keyboard.press(board.steps.getByRole("button", { name: "Make 1 picture" }));
    const dialog = board.dialog("Make 1 picture");
    await dialog.waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await assertFocusIsKept(page, "after a dialog was left");

    await keyboard.press(scene.makePicture);
    await scene.anotherPicture.waitFor();
    await assertFocusIsKept(page, "when the picture is there");

    await keyboard.press(scene.delete);
    await board.dialog("Delete scene 1?").waitFor();
    await page.keyboard.press("Escape");
    await assertFocusIsKept(page, "after a dialog was left");
    assert.equal(await scene.text.inputValue(), "A paper boat on a pond");
  });
}
