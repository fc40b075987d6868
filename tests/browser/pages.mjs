/* pages.mjs - the dashboard as its readers see it: pages, the panel's states, rows and forms. */
import { until } from "./stage.mjs";

export const SPANISH = {
  status: "Estado",
  items: "Equipos",
  operations: "Operaciones",
  instances: "Instancias",
};
export const ENGLISH = {
  status: "Status",
  items: "Items",
  operations: "Operations",
  instances: "Instances",
};

/* By the navigation, until the page says its name. */
export async function go(page, name, titles = SPANISH) {
  const link = page.getByRole("navigation").getByRole("link", { name: titles[name], exact: true });
  await link.click();
  await page.locator(`#${name === "status" ? "monitor" : name}-title`).waitFor();
}

/* Until parts of the panel, by their test ids, say what they should. */
export async function shows(page, wanted) {
  for (const [id, text] of Object.entries(wanted)) {
    await page
      .getByTestId(id)
      .filter({ hasText: new RegExp(`^${text}$`) })
      .waitFor();
  }
}

export function row(page, code) {
  return page.getByRole("row").filter({
    has: page.locator('[data-field="code"]', { hasText: new RegExp(`^${code}(?!\\d)`) }),
  });
}

export async function fill(page, fields) {
  const dialog = page.getByRole("dialog");
  for (const [name, value] of Object.entries(fields)) {
    await dialog.locator(`input[name="${name}"]:enabled`).fill(value);
  }
}

export async function submit(page) {
  await page.getByRole("dialog").locator('button[type="submit"]').click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
}

export async function create(page, code, area = "Sala 1") {
  await page.getByRole("button", { name: "Nuevo equipo" }).click();
  await fill(page, { code, type: "Computadora", status: "Operativa", area });
  await submit(page);
  await row(page, code).waitFor();
}

export async function edit(page, code, fields) {
  await row(page, code)
    .getByRole("button", { name: `Editar ${code}` })
    .click();
  await fill(page, fields);
  await submit(page);
}

/* What stands in a row's column. */
export async function cell(page, code, field) {
  return (await row(page, code).locator(`[data-field="${field}"]`).innerText()).trim();
}

/* The row's id, once it is a final one and nothing of the row is pending. */
export function finalId(page, code) {
  return until(async () => {
    const text = await row(page, code).innerText();
    const id = Number(await cell(page, code, "id"));
    return !text.includes("pendiente") && id > 0 && id;
  }, `${code} has its final id`);
}

export async function isPending(page, code) {
  await row(page, code).getByText("pendiente", { exact: true }).waitFor();
}
