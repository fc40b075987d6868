/* stage.mjs - what every story stands on: Chromium, a page that is watched, and the harness.
 *
 * A story is a script `URL OPTIONS` that calls play(). It asks the harness for what a page cannot do
 * (ask), and fails, with exit code 1 and a picture, on the first thing that is not as it should be.
 * Standard output belongs to ask(); what a story has to say goes to standard error.
 */
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../../frontend/package.json", import.meta.url));
const { chromium } = require("playwright-core");

export const axeSource = require("axe-core").source;
export const url = process.argv[2];
export const options = JSON.parse(process.argv[3] ?? "{}");

const PATIENCE_MS = 30_000;
const ARGUMENTS =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking " +
  "--disable-component-update --disable-sync";

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/* Have the harness do something; what it gave back. */
export async function ask(name, ...values) {
  say(`${name} ...`);
  process.stdout.write(`${JSON.stringify([name, ...values])}\n`);
  const { value, done } = await answers.next();
  if (done) throw new Error(`nobody did ${name}`);
  say(`${name} done`);
  return JSON.parse(value);
}

export function say(text) {
  process.stderr.write(`${(performance.now() / 1000).toFixed(1)} s: ${text}\n`);
}

export function check(holds, what) {
  if (!holds) throw new Error(what);
}

/* Wait until `probe()` gives something true, and return it. */
export async function until(probe, what) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`timed out: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/* Collects what a page complains of. `expected`: console errors that belong to the story. */
function watch(page, expected, faults) {
  page.on("pageerror", (error) => faults.push(`page error: ${error.stack ?? error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    if (message.type() !== "error" || expected?.test(text)) return;
    faults.push(`console: ${text} (${message.location().url})`);
  });
  page.on("response", (answer) => {
    if (answer.status() >= 500) faults.push(`${answer.status()} for ${answer.url()}`);
  });
}

/* Open a page in a fresh profile. `setting`: Playwright's options of a context, and `expected`. */
function opener(browser, faults, pages) {
  return async function open({ expected, ...setting } = {}) {
    const context = await browser.newContext({
      locale: "es-ES",
      viewport: { width: 1280, height: 800 },
      reducedMotion: "reduce",
      ...setting,
    });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    watch(page, expected, faults);
    pages.push(page);
    await page.goto(url);
    // Not by its role: it is hidden from readers while a token is asked for.
    await page.locator("#main").waitFor();
    return page;
  };
}

/* Play a story: it gets `open`. */
export async function play(story) {
  const browser = await chromium.launch({
    executablePath: process.env.RELEVO_CHROMIUM ?? "/usr/bin/chromium",
    args: ARGUMENTS.split(" "),
  });
  const faults = [];
  const pages = [];
  try {
    await story(opener(browser, faults, pages));
  } catch (error) {
    faults.unshift(error.stack);
    await pages.at(-1)?.screenshot({ path: process.env.RELEVO_PICTURE ?? "failed.png" });
  }
  await browser.close();
  faults.forEach(say);
  process.exit(faults.length === 0 ? 0 : 1);
}
