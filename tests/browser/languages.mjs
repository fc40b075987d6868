/* languages.mjs - the browser's language, the switch, and that the choice lasts. */
import { ENGLISH, go, SPANISH } from "./pages.mjs";
import { check, play, until } from "./stage.mjs";

async function speaks(page, language, title) {
  await page.locator("#monitor-title").filter({ hasText: title }).waitFor();
  await until(
    () => page.evaluate((wanted) => document.documentElement.lang === wanted, language),
    `lang is ${language}`,
  );
}

await play(async (open) => {
  const page = await open({ locale: "es-MX" });
  await speaks(page, "es", "Estado del Sistema");
  check((await page.title()).startsWith("Estado"), "the title is Spanish");

  await page.getByRole("button", { name: "EN: English" }).click();
  await speaks(page, "en", "System status");
  for (const name of ["items", "operations", "instances", "status"]) await go(page, name, ENGLISH);
  await page.reload();
  await speaks(page, "en", "System status");

  await page.getByRole("button", { name: "ES: Español" }).click();
  await speaks(page, "es", "Estado del Sistema");
  for (const name of ["items", "operations", "instances", "status"]) await go(page, name, SPANISH);

  await speaks(await open({ locale: "en-GB" }), "en", "System status");
  // Neither of our languages.
  await speaks(await open({ locale: "fr-FR" }), "en", "System status");
});
