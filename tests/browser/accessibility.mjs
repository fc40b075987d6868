/* accessibility.mjs - axe finds nothing serious on any page, in either colour scheme, in good times
 * and in an outage with something on every page. */
import { go, isPending, row, shows } from "./pages.mjs";
import { ask, axeSource, play } from "./stage.mjs";

const GRAVE = ["serious", "critical"];

async function judge(page, where) {
  const { violations } = await page.evaluate(() => window.axe.run(document));
  const grave = violations.filter(({ impact }) => GRAVE.includes(impact));
  if (grave.length === 0) return;
  const lines = grave.flatMap(({ id, help, nodes }) => [
    `${id}: ${help}`,
    ...nodes.slice(0, 3).map((node) => `  ${node.html.slice(0, 200)}\n  ${node.failureSummary}`),
  ]);
  throw new Error(`axe, ${where}:\n${lines.join("\n")}`);
}

async function inBoth(page, where) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.waitForFunction(
      (scheme) =>
        document.documentElement.hasAttribute(`data-${scheme}`) &&
        document.getAnimations().every((animation) => animation.playState === "finished"),
      colorScheme,
    );
    await judge(page, `${where}, ${colorScheme}`);
  }
}

async function everyPage(page, when) {
  for (const name of ["status", "items", "operations", "instances"]) {
    await go(page, name);
    if (name === "items") await row(page, "PC-1").waitFor();
    if (name === "operations") await page.getByTestId("letter").first().waitFor();
    if (name === "instances") await page.getByRole("table").waitFor();
    await inBoth(page, `${name} ${when}`);
  }
}

await play(async (open) => {
  const page = await open();
  await page.evaluate(axeSource);
  await everyPage(page, "in good times");

  await ask("kill_mysql");
  await ask("change");
  await shows(page, { "overall-chip": "Degradado" });
  await everyPage(page, "in an outage");

  await go(page, "items");
  await isPending(page, "PC-1");
  const dialogs = {
    create: page.getByRole("button", { name: "Nuevo equipo" }),
    import: page.getByRole("button", { name: "Importar CSV" }),
    edit: row(page, "PC-1").getByRole("button", { name: "Editar PC-1" }),
    delete: row(page, "PC-1").getByRole("button", { name: "Eliminar PC-1" }),
  };
  for (const [name, button] of Object.entries(dialogs)) {
    await button.click();
    await page.getByRole("dialog").waitFor();
    await inBoth(page, `the dialog to ${name}`);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  }
});
