/* phone.mjs - nothing is wider than a phone, and all pages can be reached there. */
import { create, go, shows } from "./pages.mjs";
import { check, play } from "./stage.mjs";

/* What sticks out at the side, if the page can be scrolled there. */
function tooWide() {
  const width = document.documentElement.clientWidth;
  if (document.scrollingElement.scrollWidth <= width) return "";
  return [...document.querySelectorAll("body *")]
    .filter((element) => element.getBoundingClientRect().right > width + 1)
    .map((element) => element.outerHTML.slice(0, 120))
    .slice(0, 5)
    .join("\n");
}

async function fits(page, where) {
  const found = await page.evaluate(tooWide);
  check(found === "", `${where} is too wide:\n${found}`);
}

await play(async (open) => {
  const page = await open({
    viewport: { width: 360, height: 740 },
    isMobile: true,
    hasTouch: true,
    deviceScaleFactor: 2,
  });
  await shows(page, { "sync-state": "Sincronizado" });
  for (const name of ["items", "operations", "instances", "status"]) {
    await go(page, name);
    if (name === "operations") await page.getByTestId("letter").first().waitFor();
    if (name === "instances") await page.getByRole("table").waitFor();
    await fits(page, name);
  }
  await go(page, "items");
  await page.getByRole("button", { name: "Filtros" }).click();
  await fits(page, "the filters");
  await create(page, "TEL-1");
  await page.getByRole("button", { name: "Nuevo equipo" }).click();
  await fits(page, "the form");
});
