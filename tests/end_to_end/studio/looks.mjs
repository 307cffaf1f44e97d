// Every page in both colours, on a desk and in a hand: for everybody's eyes, ears and fingers; and its picture.

import { assertAccessible, assertFitsAPhone, assertTargets, COLOURS } from "./accessibility.mjs";
import { JobsPage, SignInPage } from "./pages.mjs";
import { signIn } from "./people.mjs";
import { DESKTOP, PHONE } from "./visit.mjs";

const SIZES = { desktop: DESKTOP, phone: PHONE };

// `told`: what the whole story has left.
export function looksCases(scenario, told) {
  for (const [name, size] of Object.entries(SIZES)) {
    scenario(`every page is accessible, light and dark: ${name}`, async (begin) => {
      const visit = await begin({ size });
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
  const { page } = visit;
  await visit.picture(`${place}-${name}`, { whole: true });
  await assertAccessible(page, `${place}, ${name}`);
  if (name === "phone") await assertFitsAPhone(page, place);
  else await assertTargets(page, place);
  await page.emulateMedia({ colorScheme: "dark" });
  await visit.picture(`${place}-${name}-dark`, { whole: true });
  await assertAccessible(page, `${place}, ${name}, dark`, COLOURS);
  await page.emulateMedia({ colorScheme: "light" });
}
