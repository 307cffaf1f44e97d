// The pages of the studio, as their users find things: by role and name.

export const PASSWORD = "a-secret-password";

// A button as long as it can be pressed.
export const pressable = (button) => button.and(button.page().locator(':not(:disabled, [aria-disabled="true"])'));

export class SignInPage {
  constructor(page) {
    this.page = page;
    this.email = page.getByLabel("E-mail");
    this.password = page.getByLabel("Password");
    this.newHere = page.getByRole("button", { name: "I am new here" });
    this.create = page.getByRole("button", { name: "Create account" });
    this.enter = page.getByRole("button", { name: "Sign in", exact: true });
  }

  async signUp(email) {
    await this.newHere.click();
    await this.email.fill(email);
    await this.password.fill(PASSWORD);
    await this.create.click();
    await new Frame(this.page).navigation.waitFor();
  }

  async signIn(email) {
    await this.email.fill(email);
    await this.password.fill(PASSWORD);
    await this.enter.click();
    await new Frame(this.page).navigation.waitFor();
  }
}

// What surrounds every page of a signed-in user.
export class Frame {
  constructor(page) {
    this.page = page;
    this.navigation = page.getByRole("navigation", { name: "Main" });
    this.offline = page.getByText("You are offline.");
    this.spentToday = page.getByText(/ today$/);
  }

  async to(name) {
    await this.navigation.getByRole("link", { name, exact: true }).click();
  }

  async signOut() {
    await this.page.getByRole("button", { name: "Sign out" }).click();
    await new SignInPage(this.page).email.waitFor();
  }
}

export class StoryboardsPage {
  constructor(page) {
    this.page = page;
    this.heading = page.getByRole("heading", { name: "Storyboards", level: 1 });
    this.empty = page.getByRole("heading", { name: "Your first film begins with words" });
    this.create = page.getByRole("button", { name: "New storyboard" });
    this.example = page.getByRole("button", { name: "Start with an example" });
    this.cards = page.getByRole("main").getByRole("listitem");
  }

  async begin() {
    await this.create.click();
    const board = new StoryboardPage(this.page);
    await board.title.waitFor();
    return board;
  }

  async beginExample() {
    await this.example.click();
    const board = new StoryboardPage(this.page);
    await board.scene(4).card.waitFor();
    return board;
  }
}

export class StoryboardPage {
  constructor(page) {
    this.page = page;
    this.title = page.getByRole("textbox", { name: "Title" });
    this.style = page.getByRole("textbox", { name: "Style", exact: true }).first();
    this.shape = page.getByLabel("Shape");
    this.spent = page.getByText("Spent here").locator("..");
    this.steps = page.getByRole("region", { name: "Steps to the film" });
    this.scenes = page.getByRole("region", { name: "Scenes" });
    this.addScene = page.getByRole("button", { name: "Add scene" });
    this.handles = page.getByTitle("Drag to another place");
    this.products = page.getByRole("region", { name: "Products" });
    this.film = new FilmPanel(page);
  }

  // Counted from 1, as people see them.
  scene(number) {
    return new SceneCard(this.page, number);
  }

  step(name) {
    return this.steps.getByRole("listitem").filter({ has: this.page.getByRole("heading", { name, exact: true }) });
  }

  dialog(name) {
    return this.page.getByRole("dialog", { name });
  }

  // The words of the scenes, in their order.
  async words() {
    const fields = await this.scenes.getByRole("textbox", { name: /^What scene/ }).all();
    return Promise.all(fields.map((field) => field.inputValue()));
  }
}

class SceneCard {
  constructor(page, number) {
    const of = `of scene ${number}`;
    this.page = page;
    this.card = page.getByRole("article", { name: `Scene ${number}`, exact: true });
    this.text = page.getByRole("textbox", { name: `What scene ${number} shows`, exact: true });
    this.seconds = page.getByRole("spinbutton", { name: `Seconds ${of}` });
    this.more = this.card.getByText("More", { exact: true });
    this.withProduct = this.card.getByRole("switch", { name: "Show a product" });
    this.makePicture = page.getByRole("button", { name: new RegExp(`^Make picture ${of}\\b`) });
    this.anotherPicture = page.getByRole("button", { name: new RegExp(`^Another picture ${of}\\b`) });
    this.makeClip = page.getByRole("button", { name: new RegExp(`^Make clip ${of}\\b`) });
    this.anotherClip = page.getByRole("button", { name: new RegExp(`^Another clip ${of}\\b`) });
    this.clip = page.getByLabel(new RegExp(`^Clip ${of}:`));
    this.progress = this.card.getByRole("progressbar");
    this.stop = this.card.getByRole("button", { name: /^Stop/ });
    this.trouble = this.card.getByRole("alert");
    this.retry = this.card.getByRole("button", { name: "Try again" });
    this.earlier = page.getByRole("button", { name: `Move scene ${number} earlier` });
    this.later = page.getByRole("button", { name: `Move scene ${number} later` });
    this.delete = page.getByRole("button", { name: `Delete scene ${number}` });
  }

  // Words that are saved when this returns, as far as the page is concerned.
  async write(words) {
    await this.text.fill(words);
    await this.text.blur();
  }
}

class FilmPanel {
  constructor(page) {
    this.page = page;
    this.region = page.getByRole("region", { name: "Film", exact: true });
    this.strip = this.region.getByRole("list", { name: "Clips of the film, in order" });
    this.crossfade = this.region.getByRole("switch", { name: "Crossfade between clips" });
    this.length = this.region.getByRole("slider", { name: /^Length/ });
    this.transition = this.region.getByLabel("Transition");
    this.smaller = this.region.getByRole("switch", { name: "Smaller file" });
    this.make = this.region.getByRole("button", { name: /^Make the film/ });
    this.video = this.region.getByLabel(/^The film:/);
    this.download = this.region.getByRole("button", { name: "Download" });
    this.progress = this.region.getByRole("progressbar");
  }

  async uploadMusic(file) {
    await this.region.getByRole("radio", { name: "Upload" }).check();
    const chosen = this.page.waitForEvent("filechooser");
    await this.region.getByRole("button", { name: "Choose a file" }).click();
    await (await chosen).setFiles(file);
    await this.region.getByRole("button", { name: "Choose another file" }).waitFor();
  }
}

export class JobsPage {
  constructor(page) {
    this.page = page;
    this.empty = page.getByRole("heading", { name: "No jobs yet" });
    this.jobs = page.getByRole("list", { name: "Jobs, newest first" }).getByRole("listitem");
  }

  async show({ url }) {
    await this.page.goto(`${url}/jobs`);
  }

  // The address of the newest job whose row has these words.
  async pathOf(words) {
    return this.jobs.filter({ hasText: words }).first().getByRole("link").getAttribute("href");
  }
}
