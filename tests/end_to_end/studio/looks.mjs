// Every page in both colours, on a desk and in a hand: for everybody's eyes, ears and fingers; and its picture.

import { assertAccessible, assertFitsAPhone, assertTargets } from "./accessibility.mjs";
import { JobsPage, SignInPage } from "./pages.mjs";
import { signIn } from "./people.mjs";
import { DESKTOP, PHONE } from "./visit.mjs";

const LOOKS = {
  "desktop": { size: DESKTOP },
  "desktop-dark": { size: DESKTOP, dark: true },
  "phone": { size: PHONE },
  "phone-dark": { size: PHONE, dark: true },
};

// `told`: what the whole story has left.
export function looksCases(scenario, told) {
  for (const [name, look] of Object.entries(LOOKS)) {
    scenario(`every page is accessible: ${name}`, async (begin) => {
      const visit = await begin(look);
      const { page, site } = visit;
      await page.goto(site.url);
      await new SignInPage(page).newHere.waitFor();
      await check(visit, "sign-in", name);
      const { email, url } = await told.promise;
      await signIn(visit, email);
      for (const [place, path] of await places(visit, url)) {
        await page.goto(`${site.url}${path}`);
        await settled(page);
        await check(visit, place, name);
      }
    });
  }
}

async function places({ page, site }, url) {
  const list = new JobsPage(page);
  await list.show(site);
  return [
    ["storyboards", "/"],
    ["storyboard", new URL(url).pathname],
    ["jobs", "/jobs"],
    ["job-film", await list.pathOf("Film")],
    ["job-clips", await list.pathOf("Clips")],
    ["not-found", "/nowhere"],
  ];
}

// Everything is there: nothing is loading, no picture is missing, not even where nobody has scrolled to.
async function settled(page) {
  await page.getByRole("heading", { level: 1 }).first().waitFor({ state: "attached" });
  await page.waitForFunction(() => {
    const loading = document.querySelector(".skeleton");
    for (const image of document.images) image.loading = "eager";
    return !loading && [...document.images].every((image) => image.complete);
  });
}

async function check(visit, place, name) {
  await visit.picture(`${place}-${name}`, { whole: true });
  await assertAccessible(visit.page, `${place}, ${name}`);
  if (name.startsWith("phone")) await assertFitsAPhone(visit.page, place);
  else await assertTargets(visit.page, place);
}
