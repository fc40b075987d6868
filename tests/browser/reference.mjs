/* reference.mjs - the browsable reference of the API: shown by the daemon, tried out against it. */
import { check, play, until, url } from "./stage.mjs";

play(async (open) => {
  const page = await open();
  await page.goto(`${url}/docs`);
  await page.waitForURL("**/docs/");
  await page.locator(".info .title", { hasText: "relevo" }).waitFor();
  const create = page.locator("#operations-Items-createItem");
  await create.getByText("Create an item").waitFor();
  await create.getByRole("button").first().click();
  await create.getByRole("button", { name: "Try it out" }).click();
  await create.locator("textarea").waitFor();
  await create.getByRole("button", { name: "Execute" }).click();
  const answer = create.locator(".live-responses-table .response-col_status").last();
  await until(async () => (await answer.innerText()).startsWith("201"), "an item is created");
  check((await page.title()) === "API · relevo", "its title");
});
