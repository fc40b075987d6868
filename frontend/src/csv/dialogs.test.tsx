import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/problem";
import { createItem, listInstances, listItems } from "../api/relevo";
import { show } from "../test/render";
import { item } from "../test/samples";
import { problem } from "../test/server";
import { downloadCsv } from "./download";
import ExportDialog from "./ExportDialog";
import ImportDialog from "./ImportDialog";

vi.mock("../api/relevo");
vi.mock("./download");

const press = (name: string | RegExp) => userEvent.click(screen.getByRole("button", { name }));
const saved = () => vi.mocked(downloadCsv).mock.lastCall?.[1].join("") ?? "";
const nothing = () => undefined;

/* What a live region came to say since, each time that it was written. */
function recordTexts(region: HTMLElement): () => string[] {
  const texts: string[] = [];
  const observer = new MutationObserver(() => texts.push(region.textContent));
  observer.observe(region, { childList: true, characterData: true, subtree: true });
  return () => texts;
}

beforeEach(() => {
  vi.resetAllMocks();
  vi.mocked(listInstances).mockResolvedValue([]);
});

describe("ExportDialog", () => {
  const page = (codes: string[], next: string | null) => ({
    source: "REDIS_CACHE" as const,
    data: codes.map((code, n) => item({ id: n + 1, code, acquisition_date: null })),
    count: codes.length,
    total: 3,
    next,
  });

  it("reads all pages of the filter and saves them", async () => {
    vi.mocked(listItems)
      .mockResolvedValueOnce(page(["A", "=B"], "c1"))
      .mockResolvedValueOnce(page(["C"], null));
    const onClose = vi.fn();
    await show(<ExportDialog filters={{ q: "x" }} onClose={onClose} />);
    await waitFor(() => expect(onClose).toHaveBeenCalled());
    expect(vi.mocked(listItems).mock.calls.map(([query]) => query)).toEqual([
      { q: "x", limit: 1000 },
      { q: "x", limit: 1000, after: "c1" },
    ]);
    const lines = saved().split("\r\n");
    expect(lines[0]).toBe("\uFEFFid,code,type,status,area,acquisition_date,version,updated_at");
    expect(lines[2]).toMatch(/^2,"'=B",Computadora,Operativa,Sala 1,,1,/);
    expect(lines).toHaveLength(5);
    expect(await screen.findByText("Equipos exportados: 3")).toBeInTheDocument();
  });

  it("counts beside what is read out aloud, not in it", async () => {
    vi.mocked(listItems)
      .mockResolvedValueOnce(page(["A", "B"], "c1"))
      .mockReturnValueOnce(new Promise(nothing));
    await show(<ExportDialog filters={{}} onClose={nothing} />);
    const status = screen.getByText("Leyendo los equipos…");
    expect(status).toHaveAttribute("role", "status");
    const count = await screen.findByText("2 de 3 equipos");
    expect(status).toHaveTextContent(/^Leyendo los equipos…$/);
    expect(status).not.toContainElement(count);
    const bar = screen.getByRole("progressbar", { name: "Exportar a CSV" });
    expect(bar).toHaveAttribute("aria-valuetext", "2 de 3 equipos");
  });

  it("ends when it is cancelled, without a file", async () => {
    let signal: AbortSignal | undefined;
    vi.mocked(listItems).mockImplementation((_query, given) => {
      signal = given;
      return new Promise((_resolve, reject) => {
        given?.addEventListener("abort", () => reject(new Error("aborted")));
      });
    });
    const { unmount } = await show(<ExportDialog filters={{}} onClose={() => unmount()} />);
    await press("Cancelar");
    expect(signal?.aborted).toBe(true);
    expect(downloadCsv).not.toHaveBeenCalled();
  });

  it("says why it failed", async () => {
    vi.mocked(listItems).mockRejectedValue(new ApiError("timeout", undefined, undefined, 5));
    await show(<ExportDialog filters={{}} onClose={nothing} />);
    expect(await screen.findByText("El servidor no respondió a tiempo.")).toBeInTheDocument();
    expect(downloadCsv).not.toHaveBeenCalled();
  });
});

describe("ImportDialog", () => {
  const created = { source: "MySQL", status: "success", data: item({ id: 7 }) } as const;

  async function choose(text: string, bytes: Uint8Array = new TextEncoder().encode(text)) {
    const file = new File([text], "x.csv", { type: "text/csv" });
    // jsdom has no File.arrayBuffer.
    Object.assign(file, { arrayBuffer: () => Promise.resolve(bytes.buffer) });
    await userEvent.upload(screen.getByLabelText(/^(Elegir archivo|Choose a file)$/), file);
  }

  const SPANISH = "code,type,status,area\nA,T,S,X\nB,Cañón,Dañada,Área\n";

  it.each([
    ["es", "leído como Windows-1252", "Fila 3: B · Cañón · Dañada · Área"],
    ["en", "read as Windows-1252", "Row 3: B · Cañón · Dañada · Área"],
  ] as const)(
    "tells in %s that the encoding was guessed, with a row",
    async (language, said, row) => {
      await show(<ImportDialog onChange={nothing} onClose={nothing} />, { language });
      await choose(
        SPANISH,
        Uint8Array.from(SPANISH, (one) => one.charCodeAt(0)),
      );
      const alert = (await screen.findByText(row)).closest('[role="alert"]');
      expect(alert).toHaveTextContent(said);
    },
  );

  it("has nothing to tell of UTF-8", async () => {
    await show(<ImportDialog onChange={nothing} onClose={nothing} />);
    await choose(SPANISH);
    expect(await screen.findByText("Filas listas: 2")).toBeInTheDocument();
    expect(screen.queryByText(/Windows-1252/)).toBeNull();
  });

  it("shows faulty rows before anything is sent, and what became of each", async () => {
    vi.mocked(createItem).mockImplementation(({ code }) =>
      code === "B"
        ? Promise.reject(
            new ApiError(
              "http",
              422,
              problem("invalid", 422, {
                errors: [{ field: "area", message: "required" }],
              }),
              1,
            ),
          )
        : Promise.resolve(created),
    );
    const onChange = vi.fn();
    await show(<ImportDialog onChange={onChange} onClose={nothing} />);
    await choose("\uFEFFCódigo;Tipo;Estado;Área;Color\r\nA;T;S;X;r\r\n;T;S;X;r\r\nB;T;S;X;r\r\n");
    expect(await screen.findByText("Filas listas: 2")).toBeInTheDocument();
    expect(screen.getByText("Columnas que no se usan: Color.")).toBeInTheDocument();
    const faulty = screen.getByRole("region", { name: "Filas con errores" });
    expect(within(faulty).getByRole("row", { name: "3 — Código: Obligatorio" })).toBeVisible();
    expect(createItem).not.toHaveBeenCalled();

    await press("Importar 2");
    expect(await screen.findByText("Importación terminada.")).toBeInTheDocument();
    expect(await screen.findByText("2 de 2 filas")).toBeInTheDocument();
    expect(screen.getByTestId("outcomes")).toHaveTextContent(
      "Creadas: 1 · Rechazadas: 1 · Con errores: 1",
    );
    expect(screen.getByRole("row", { name: "4 B Área: Obligatorio" })).toBeInTheDocument();
    await press("Descargar resultado");
    expect(saved()).toContain("2,A,T,S,X,,created,7,\r\n");
    expect(saved()).toContain("3,,T,S,X,,faulty,,Código: Obligatorio\r\n");
    await press("Cerrar");
    expect(onChange).toHaveBeenCalled();
  });

  it("says aloud that it began, stopped and finished, and does not count there", async () => {
    const waiting: ((answer: typeof created) => void)[] = [];
    vi.mocked(createItem).mockImplementation(() => new Promise((done) => waiting.push(done)));
    await show(<ImportDialog onChange={nothing} onClose={nothing} />);
    const status = screen.getByRole("status");
    expect(status).toBeEmptyDOMElement();
    const rows = Array.from({ length: 6 }, (_, n) => `C-${n},T,S,X`);
    await choose(["code,type,status,area", ...rows].join("\n"));
    await press("Importar 6");
    const said = recordTexts(status);
    expect(status).toHaveTextContent(/^Importación en marcha\.$/);
    waiting.shift()?.(created);
    const count = await screen.findByText("1 de 6 filas");
    expect(status).not.toContainElement(count);
    const bar = screen.getByRole("progressbar", { name: "Importar desde CSV" });
    expect(bar).toHaveAttribute("aria-valuenow", "17");
    expect(bar).toHaveAttribute("aria-valuetext", "1 de 6 filas");
    await press("Detener");
    for (const done of waiting) done(created);
    await waitFor(() => expect(status).toHaveTextContent(/^Importación detenida\.$/));
    vi.mocked(createItem).mockResolvedValue(created);
    await press(/^Reintentar \d sin resultado$/);
    await waitFor(() => expect(status).toHaveTextContent(/^Importación terminada\.$/));
    expect(said()).toEqual([
      "Importación detenida.",
      "Importación en marcha.",
      "Importación terminada.",
    ]);
  });

  it("sends again only what had no answer", async () => {
    vi.mocked(createItem)
      .mockRejectedValueOnce(new ApiError("network", undefined, undefined, 5))
      .mockResolvedValue(created);
    await show(<ImportDialog onChange={nothing} onClose={nothing} />);
    await choose("code,type,status,area\nA,T,S,X\nB,T,S,X\n");
    await press("Importar 2");
    await userEvent.click(
      await screen.findByRole("button", { name: "Reintentar 1 sin resultado" }),
    );
    expect(await screen.findByText(/Importación terminada/)).toBeInTheDocument();
    await waitFor(() => expect(screen.getByTestId("outcomes")).toHaveTextContent(/^Creadas: 2$/));
    const keys = vi.mocked(createItem).mock.calls.map((call) => call[1]?.key);
    expect(keys).toHaveLength(3);
    expect(keys[2]).toBe(keys[0]);
  });

  it.each([
    ["", "El archivo no tiene filas."],
    ["code,type,status,area\n", "El archivo no tiene filas."],
    ["code,type\nA,B\n", "Faltan columnas: status, area."],
    ["code,code,type,status,area\nA,B,C,D,E\n", "Hay columnas repetidas: code."],
  ])("does not start with %j", async (text, said) => {
    await show(<ImportDialog onChange={nothing} onClose={nothing} />);
    await choose(text);
    expect(await screen.findByText(said)).toBeInTheDocument();
    const start = screen.queryByRole("button", { name: /^Importar \d/ });
    if (start !== null) expect(start).toBeDisabled();
  });
});
