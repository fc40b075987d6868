/* pictures.mjs - pictures of the main states, into the folder of the option `out`. */
import { create, edit, ENGLISH, go, isPending, row, shows } from "./pages.mjs";
import { ask, options, play } from "./stage.mjs";

const LIST = 800;
const PANEL = 1000;

/* `height`: the panel with its chart is higher than a list. */
async function picture(page, name, height) {
  if (height !== undefined) await page.setViewportSize({ width: 1200, height });
  // Not in the middle of anything, and without the short messages.
  await page.waitForLoadState("networkidle", { timeout: 1000 }).catch(() => undefined);
  await page.locator(".MuiSnackbar-root").waitFor({ state: "detached" });
  await page.screenshot({ path: `${options.out}/${name}.png` });
}

await play(async (open) => {
  const page = await open({ viewport: { width: 1200, height: 860 } });
  await shows(page, { "sync-state": "Sincronizado" });
  await ask("traffic");
  await picture(page, "healthy-es", PANEL);
  await go(page, "items");
  await row(page, "PC-005").waitFor();
  await picture(page, "items-es", LIST);

  await ask("kill_mysql");
  await shows(page, { "overall-chip": "Degradado" });
  await page.getByRole("searchbox").fill("PC-01");
  await create(page, "PC-019", "Laboratorio de redes");
  await isPending(page, "PC-019");
  await edit(page, "PC-012", { status: "En reparación" });
  await isPending(page, "PC-012");
  await picture(page, "outage-items-es", LIST);
  await ask("traffic");
  await go(page, "status");
  await shows(page, { "mysql-state": "Fuera de línea", "fact-creates": "1" });
  await picture(page, "outage-es", PANEL);
  await go(page, "operations");
  await page.getByTestId("pending").nth(1).waitFor();
  await picture(page, "pending-es", LIST);

  await ask("conflict", "PC-012");
  await go(page, "status");
  await shows(page, { "sync-state": "Sincronizado", "fact-dead": "1" });
  await go(page, "operations");
  await page.getByTestId("letter").waitFor();
  await picture(page, "operations-es", LIST);

  const english = await open({
    locale: "en-GB",
    colorScheme: "dark",
    viewport: { width: 1200, height: 860 },
  });
  await shows(english, { "sync-state": "In sync" });
  await ask("traffic");
  await picture(english, "dark-en", PANEL);
  await go(english, "instances", ENGLISH);
  await english.getByRole("table").waitFor();
  await picture(english, "instances-dark-en", 480);

  const phone = await open({
    viewport: { width: 360, height: 740 },
    isMobile: true,
    hasTouch: true,
    deviceScaleFactor: 1.5,
  });
  await shows(phone, { "sync-state": "Sincronizado" });
  await picture(phone, "phone-es");
  await go(phone, "items");
  await row(phone, "PC-005").waitFor();
  await picture(phone, "phone-items-es");
});
