/* access.mjs - signing in; readers see no buttons that they may not press, operators all of them. */
import { go, row, shows } from "./pages.mjs";
import { check, options, play } from "./stage.mjs";

/* A browser tells its console of each refusal. */
const REFUSED = /^Failed to load resource: the server responded with a status of 401 /;

async function signIn(page, token) {
  const dialog = page.getByRole("dialog", { name: "Iniciar sesión" });
  await dialog.getByLabel("Token").fill(token);
  await dialog.getByRole("button", { name: "Entrar" }).click();
  return dialog;
}

async function count(page, name) {
  return page.getByRole("button", { name }).count();
}

/* The buttons that change something, once the page is there. */
async function mayWrite(page) {
  await go(page, "items");
  await row(page, "PC-1").waitFor();
  const buttons = await Promise.all(
    [/Nuevo equipo/, /^Editar/, /^Eliminar/].map((name) => count(page, name)),
  );
  check(new Set(buttons).size === 1, `all or none of the buttons: ${buttons}`);
  return buttons[0] === 1;
}

async function mayOperate(page) {
  await go(page, "operations");
  await page.getByTestId("letter").waitFor();
  const buttons = await Promise.all(
    [/Sincronizar ahora/, /^Reintentar/, /^Descartar/].map((name) => count(page, name)),
  );
  check(new Set(buttons).size === 1, `all or none of the buttons: ${buttons}`);
  return buttons[0] === 1;
}

await play(async (open) => {
  const page = await open({ expected: REFUSED });
  const dialog = await signIn(page, "no-such-token");
  await dialog.getByText("El servidor no acepta este token.").waitFor();

  await signIn(page, options.tokens.read);
  await dialog.waitFor({ state: "detached" });
  await shows(page, { "overall-state": "Saludable", connection: "En vivo" });
  check(!(await mayWrite(page)), "a reader may not write");
  await page.getByText("Solo lectura").waitFor();
  check(!(await mayOperate(page)), "a reader may not operate");

  // The tab remembers.
  await page.reload();
  await row(page, "PC-1").or(page.getByTestId("letter")).first().waitFor();
  check((await dialog.count()) === 0, "nobody is asked again");

  for (const [role, operates] of [
    ["write", false],
    ["admin", true],
  ]) {
    await page.getByRole("button", { name: "Cerrar sesión" }).click();
    await dialog.waitFor();
    await signIn(page, options.tokens[role]);
    await dialog.waitFor({ state: "detached" });
    check(await mayWrite(page), `${role} may write`);
    check((await mayOperate(page)) === operates, `${role} may operate: ${operates}`);
  }
});
