/* outage.mjs - MySQL dies and comes back under somebody who goes on working. */
import { cell, create, edit, finalId, go, isPending, shows } from "./pages.mjs";
import { ask, check, play, say, until } from "./stage.mjs";

/* In the page: notes when a part of the panel says something new, whether a drain was seen, and what
 * moved although nobody touched anything (Layout Instability API). */
function record() {
  window.noted = { moved: [] };
  const look = () => {
    if (document.querySelector('[role="progressbar"][aria-labelledby="drain-label"]') !== null) {
      window.noted.progress = Date.now();
    }
    const text = document.querySelector('[data-testid="mysql-state"]')?.textContent;
    if (text !== undefined && text !== window.noted.text) {
      window.noted.text = text;
      window.noted.changed = Date.now();
    }
  };
  new MutationObserver(look).observe(document.body, {
    subtree: true,
    childList: true,
    characterData: true,
  });
  look();
  const outline = ({ node }) => (node?.outerHTML ?? node?.textContent ?? "?").slice(0, 150);
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries()) {
      if (!hadRecentInput) window.noted.moved.push({ value, what: sources.map(outline) });
    }
  }).observe({ type: "layout-shift" });
}

/* A word that gets shorter in its place counts some hundred-thousandths. (Lighthouse calls 0.1 good.) */
async function stood(page, when) {
  const moved = await page.evaluate(() => window.noted.moved);
  const sum = moved.reduce((total, { value }) => total + value, 0);
  say(`layout shift ${when}: ${sum.toFixed(6)}`);
  check(sum < 0.001, `moved ${when}: ${JSON.stringify(moved, null, 1)}`);
}

/* How long after /health the panel says it: of interest, not to be judged. */
async function delay(page, what, since) {
  const changed = await page.evaluate(() => window.noted.changed);
  say(`${what} on screen ${changed - since} ms after /health`);
}

await play(async (open) => {
  const page = await open();
  await shows(page, {
    "mysql-state": "En línea",
    "redis-state": "En línea",
    "sync-state": "Sincronizado",
    "overall-state": "Saludable",
  });
  await page.evaluate(record);

  await go(page, "items");
  await create(page, "PC-1");
  const first = await finalId(page, "PC-1");

  await go(page, "status");
  const down = await ask("kill_mysql");
  await shows(page, {
    "mysql-state": "Fuera de línea",
    "redis-state": "En línea",
    "sync-state": "Desincronizado",
    "overall-state": "Degradado",
  });
  await delay(page, "Offline", down);
  await stood(page, "when MySQL went");

  await go(page, "items");
  await create(page, "PC-2");
  await isPending(page, "PC-2");
  check((await cell(page, "PC-2", "id")) === "—", "a pending row has no final id yet");
  await edit(page, "PC-2", { status: "En reparación", area: "Taller" });
  await until(async () => (await cell(page, "PC-2", "area")) === "Taller", "PC-2 is edited");
  await isPending(page, "PC-2");
  await edit(page, "PC-1", { area: "Taller" });
  await isPending(page, "PC-1");
  check(Number(await cell(page, "PC-1", "id")) === first, "a row that is changed keeps its id");

  await go(page, "status");
  await shows(page, { "fact-creates": "1", "fact-updates": "2" });

  await go(page, "operations");
  const waiting = page.getByTestId("pending");
  await until(async () => (await waiting.count()) === 3, "three operations are listed");
  const kinds = await waiting.allInnerTexts();
  check(/^Alta\s+PC-2\s/.test(kinds[0]), `the oldest is the create: ${kinds[0]}`);
  check(/^Cambio\s+PC-1\s+id \d+\s+Área: Sala 1 → Taller\s/.test(kinds[2]), kinds[2]);

  // Enough waits for the drain to be seen, by somebody who looks on.
  await ask("queue_more");
  await page.getByText("1–25 de 3003").waitFor();
  const onlooker = await open();
  await shows(onlooker, { "mysql-state": "Fuera de línea" });
  await onlooker.evaluate(record);
  await go(page, "items");
  await page.getByRole("searchbox").fill("PC-");
  await isPending(page, "PC-2");
  const up = await ask("start_mysql");
  await until(() => onlooker.evaluate(() => window.noted.progress), "the drain is seen");
  await shows(onlooker, { "mysql-state": "En línea" });
  await delay(onlooker, "Online", up);
  await shows(onlooker, { "sync-state": "Sincronizado", "overall-state": "Saludable" });
  await stood(onlooker, "while MySQL came back");

  const second = await finalId(page, "PC-2");
  check(second > first, `the final id is a new one: ${second}`);
  check((await finalId(page, "PC-1")) === first, "the row that was changed has its id");
  check((await cell(page, "PC-2", "status")) === "En reparación", "PC-2 is as it was edited");
  await shows(page, { "overall-chip": "Saludable" });

  await go(page, "operations");
  await page.getByText("No hay operaciones esperando a MySQL.").waitFor();

  await go(page, "status");
  await shows(page, {
    "mysql-state": "En línea",
    "sync-state": "Sincronizado",
    "overall-state": "Saludable",
    "fact-creates": "0",
    "fact-updates": "0",
    "fact-deletes": "0",
    "fact-dead": "0",
  });
});
