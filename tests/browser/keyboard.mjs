/* keyboard.mjs - an item is created, and looked for, without a mouse. */
import { finalId, row } from "./pages.mjs";
import { check, play, until } from "./stage.mjs";

const STEPS = 40;

/* What has the focus, by its name. */
function focused(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    return (
      element?.getAttribute("name") ?? element?.getAttribute("aria-label") ?? element?.innerText
    );
  });
}

async function tabTo(page, name) {
  for (let step = 0; step < STEPS; step++) {
    await page.keyboard.press("Tab");
    if ((await focused(page))?.trim() === name) return;
  }
  throw new Error(`${name} cannot be reached by the keyboard`);
}

await play(async (open) => {
  const page = await open();
  await page.keyboard.press("Tab");
  check((await focused(page)) === "Ir al contenido", "the skip link comes first");
  await page.keyboard.press("Enter");
  check(
    await page.evaluate(() => document.activeElement?.id === "main"),
    "the skip link leads to the content",
  );

  await page.reload();
  await page.getByRole("main").waitFor();
  await tabTo(page, "Equipos");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Nuevo equipo" }).waitFor();
  await tabTo(page, "Nuevo equipo");
  await page.keyboard.press("Enter");

  await until(async () => (await focused(page)) === "code", "the first field has the focus");
  for (const value of ["KB-1", "Teclado", "Operativa", "Sala 7"]) {
    await page.keyboard.type(value);
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await finalId(page, "KB-1");
  await row(page, "KB-1").getByText("Sala 7").waitFor();
  await until(async () => (await focused(page)) === "Nuevo equipo", "the focus is where it was");

  // Escape leaves without a change.
  await page.keyboard.press("Enter");
  await until(async () => (await focused(page)) === "code", "the form is open again");
  await page.keyboard.type("KB-2");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  check((await row(page, "KB-2").count()) === 0, "nothing was created");
});
