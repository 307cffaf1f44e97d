// The users of the cases: new ones each time.

import { randomUUID } from "node:crypto";

import { SignInPage, StoryboardsPage } from "./pages.mjs";

export const newEmail = () => `${randomUUID().slice(0, 8)}@example.com`;

// A new user, in the list of storyboards that are still none.
export async function signUp(visit) {
  const email = newEmail();
  await visit.page.goto(visit.site.url);
  await new SignInPage(visit.page).signUp(email);
  const storyboards = new StoryboardsPage(visit.page);
  await storyboards.empty.waitFor();
  return { email, storyboards };
}

// The same user in another visit.
export async function signIn(visit, email, path = "/") {
  await visit.page.goto(`${visit.site.url}${path}`);
  await new SignInPage(visit.page).signIn(email);
}
