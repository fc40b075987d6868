/* csv.mjs - fifty thousand items: turning pages, scrolling, looking for one, out to a file, and rows of
 * another file in. */
import { readFile } from "node:fs/promises";
import { cell, finalId, go, row } from "./pages.mjs";
import { check, play, say, until } from "./stage.mjs";

const MANY = 50_000;

async function timed(what, task) {
  const from = performance.now();
  const value = await task();
  say(`${what}: ${Math.round(performance.now() - from)} ms`);
  return value;
}

/* The ms that the page's thread has worked so far, whatever else the machine has to do. */
async function busy(page) {
  page.metrics ??= await page.context().newCDPSession(page);
  await page.metrics.send("Performance.enable", { timeDomain: "threadTicks" });
  const { metrics } = await page.metrics.send("Performance.getMetrics");
  return 1000 * metrics.find(({ name }) => name === "TaskDuration").value;
}

/* In the page: scrolls the list to its end, a bit a frame; the longest frame in ms. */
function longestFrame() {
  const box = document.querySelector('[role="region"]');
  return new Promise((resolve) => {
    let longest = 0;
    let last;
    const step = (now) => {
      if (last !== undefined) longest = Math.max(longest, now - last);
      last = now;
      const before = box.scrollTop;
      box.scrollTop += 40;
      if (box.scrollTop > before) requestAnimationFrame(step);
      else resolve(longest);
    };
    requestAnimationFrame(step);
  });
}

async function shown(page, from, to) {
  await page.getByText(`${from}–${to} de 50.000`).waitFor();
}

async function exported(page) {
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Exportar CSV" }).click();
  const text = await readFile(await (await download).path(), "utf8");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  return text.split("\r\n");
}

/* As Excel writes it in Spanish. */
function sheet(count) {
  const rows = Array.from(
    { length: count },
    (_, n) => `IM-${n};Impresora;"Dañada; a revisar";Área 2;`,
  );
  return `\uFEFFCódigo;Tipo;Estado;Área;Fecha de adquisición\r\n${rows.join("\r\n")}\r\n;a;b;c;ayer\r\n`;
}

await play(async (open) => {
  const page = await open();
  await go(page, "items");
  await shown(page, "1", "50");
  await page.getByRole("combobox", { name: "Filas por página" }).click();
  await page.getByRole("option", { name: "100" }).click();
  await shown(page, "1", "100");
  const before = await busy(page);
  await timed("three pages of a hundred rows", async () => {
    for (let turn = 1; turn <= 3; turn++) {
      await page.getByRole("button", { name: "Página siguiente" }).click();
      await row(page, `N-${turn * 100 + 1}`).waitFor();
    }
  });
  say(`a page keeps the browser busy for ${Math.round(((await busy(page)) - before) / 3)} ms`);
  say(`longest frame while it scrolls: ${Math.round(await page.evaluate(longestFrame))} ms`);

  const lines = await timed("all items in a file", () => exported(page));
  check(lines.length === MANY + 2, `a head, ${MANY} rows and an end: ${lines.length}`);
  check(lines[0].startsWith("\uFEFFid;code;type;"), `the head: ${lines[0]}`);
  check(/^49999;N-49999;/.test(lines[49_999]), `a row: ${lines[49_999]}`);

  await timed("one item is found", async () => {
    await page.getByRole("searchbox").fill("n-49998");
    await page.getByText("1–1 de 1").waitFor();
  });
  check((await cell(page, "N-49998", "id")) === "49998", "it is the one");
  check((await exported(page)).length === 3, "what is exported is what is found");

  await page.getByRole("button", { name: "Importar CSV" }).click();
  const file = { name: "equipos.csv", mimeType: "text/csv", buffer: Buffer.from(sheet(200)) };
  await page.getByLabel("Elegir archivo").setInputFiles(file);
  await page.getByText("Filas listas: 200").waitFor();
  await page.getByRole("region", { name: "Filas con errores" }).getByText("Obligatorio").waitFor();
  await timed("two hundred rows are created", async () => {
    // As an impatient hand does it.
    await page.getByRole("button", { name: "Importar 200" }).dblclick();
    await page.getByText("Importación terminada").waitFor();
  });
  const outcomes = await page.getByTestId("outcomes").innerText();
  check(outcomes === "Creadas: 200 · Con errores: 1", outcomes);
  await page.getByRole("button", { name: "Cerrar" }).click();
  await page.getByRole("searchbox").fill("IM-199");
  await finalId(page, "IM-199");
  check((await cell(page, "IM-199", "status")) === "Dañada; a revisar", "quoted cells are whole");
  await until(async () => (await page.getByText("1–1 de 1").count()) === 1, "it is there once");
});
