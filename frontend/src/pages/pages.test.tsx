import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/problem";
import {
  discardDeadLetter,
  listDeadLetters,
  listInstances,
  listItems,
  listPending,
  retryDeadLetter,
  runSync,
} from "../api/relevo";
import { show } from "../test/render";
import { item, letter, OPERATION, pending, sync, TIME } from "../test/samples";
import { problem } from "../test/server";
import InstancesPage from "./InstancesPage";
import ItemsPage from "./ItemsPage";
import OperationsPage from "./OperationsPage";

vi.mock("../api/relevo");

const press = (name: string) => userEvent.click(screen.getByRole("button", { name }));
const button = (name: string) => screen.queryByRole("button", { name });

beforeEach(() => {
  vi.resetAllMocks();
  vi.mocked(listInstances).mockResolvedValue([]);
  vi.mocked(listDeadLetters).mockResolvedValue([letter()]);
  vi.mocked(listPending).mockResolvedValue({ count: 0, total: 0, next: null, data: [] });
  const empty = { source: "REDIS_CACHE", data: [], count: 0, total: 0, next: null } as const;
  vi.mocked(listItems).mockResolvedValue({ ...empty, data: [] });
});

describe("ItemsPage", () => {
  it("lets writers create, and readers not", async () => {
    const { unmount } = await show(<ItemsPage />, { role: "write" });
    expect(button("Nuevo equipo")).toBeInTheDocument();
    unmount();
    await show(<ItemsPage />, { role: "read" });
    expect(button("Nuevo equipo")).toBeNull();
    expect(screen.getByText("Solo lectura")).toBeInTheDocument();
  });

  it("imports for writers only, and exports for all", async () => {
    await import("../csv/ImportDialog"); // so that it need not be waited for
    const { unmount } = await show(<ItemsPage />, { role: "write" });
    await press("Importar CSV");
    expect(await screen.findByLabelText("Elegir archivo")).toBeInTheDocument();
    unmount();
    await show(<ItemsPage />, { role: "read" });
    expect(button("Importar CSV")).toBeNull();
    expect(button("Exportar CSV")).toBeInTheDocument();
  });

  it("shows a page of the list, and which of how many", async () => {
    const data = [item({ id: 51, code: "A" }), item({ id: 52, code: "B", pending: true })];
    const page = { source: "REDIS_CACHE", count: 2, total: 50_000, next: "c1" } as const;
    vi.mocked(listItems).mockResolvedValue({ ...page, data });
    await show(<ItemsPage />);
    expect(await screen.findByText("1–50 de 50.000")).toBeInTheDocument();
    expect(screen.getByRole("table", { name: "Equipos" })).toHaveAttribute(
      "aria-rowcount",
      "50001",
    );
    expect(screen.getByRole("row", { name: /^.*B pendiente/ })).toHaveAttribute(
      "aria-rowindex",
      "3",
    );
    await press("Página siguiente");
    await waitFor(() =>
      expect(vi.mocked(listItems).mock.lastCall?.[0]).toEqual({ limit: 50, after: "c1" }),
    );
  });

  it("searches as one types", async () => {
    await show(<ItemsPage />);
    await userEvent.type(screen.getByRole("searchbox"), "router");
    await waitFor(() => expect(vi.mocked(listItems).mock.lastCall?.[0].q).toBe("router"));
    await press("Quitar filtros");
    await waitFor(() => expect(vi.mocked(listItems).mock.lastCall?.[0]).toEqual({ limit: 50 }));
  });
});

describe("OperationsPage", () => {
  it("shows why an operation failed, what it wanted and what it met", async () => {
    await show(<OperationsPage />);
    const card = await screen.findByRole("article", { name: "Cambio · Equipo 5" });
    expect(card).toHaveTextContent("Conflicto");
    expect(card).toHaveTextContent("the row changed");
    expect(screen.getByRole("row", { name: "Área Sala 1 Sala 2 Taller" })).toBeInTheDocument();
  });

  it("says in the user's language why, and the server's words after that", async () => {
    const lost = letter({ kind: "delete", reason: "gone", data: null, base: null });
    vi.mocked(listDeadLetters).mockResolvedValue([lost]);
    const { unmount } = await show(<OperationsPage />);
    expect(await screen.findByRole("article")).toHaveTextContent(
      /La fila ya no está en MySQL, así que no hay qué cambiar\.the row changed/,
    );
    await press("Reintentar");
    const dialog = screen.getByRole("dialog");
    expect(dialog).toHaveTextContent(/La fila ya no está en MySQL.*La baja se encola otra vez/);
    expect(within(dialog).getByText("the row changed")).toHaveAttribute("lang", "en");
    unmount();
    await show(<OperationsPage />, { language: "en" });
    expect(await screen.findByText(/^The row is gone from MySQL/)).toBeInTheDocument();
  });

  it("has a dash for a date that is to be empty, and nothing for what is not touched", async () => {
    const emptied = letter({ data: { acquisition_date: null } });
    vi.mocked(listDeadLetters).mockResolvedValue([emptied]);
    await show(<OperationsPage />);
    const name = "Fecha de adquisición 2024-01-01 — 2024-01-01";
    expect(await screen.findByRole("row", { name })).toBeInTheDocument();
    expect(screen.getByRole("row", { name: /^Código PC-01 +PC-01$/ })).toBeInTheDocument();
  });

  const letters = (count: number) =>
    Array.from({ length: count }, (_, n) =>
      letter({ operation: `o-${n + 1}`, id: n + 1, data: null, base: null, current: null }),
    );
  const shownLetters = () =>
    screen.getAllByTestId("letter").map((card) => card.getAttribute("aria-label"));
  const names = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, n) => `Cambio · Equipo ${from + n}`);

  it("shows twenty-five dead letters at a time, and the last page when one is gone", async () => {
    vi.mocked(listDeadLetters).mockResolvedValue(letters(51));
    const { live } = await show(<OperationsPage />);
    expect(await screen.findByText("1–25 de 51")).toBeInTheDocument();
    expect(shownLetters()).toEqual(names(1, 25));
    await userEvent.click(screen.getByLabelText("Página siguiente"));
    await userEvent.click(screen.getByLabelText("Página siguiente"));
    expect(shownLetters()).toEqual(names(51, 51));
    vi.mocked(listDeadLetters).mockResolvedValue(letters(50));
    live.say({ sync: sync({ dead_letters: 50 }) });
    expect(await screen.findByText("26–50 de 50")).toBeInTheDocument();
    expect(shownLetters()).toEqual(names(26, 50));
    vi.mocked(listDeadLetters).mockResolvedValue(letters(60));
    live.say({ sync: sync({ dead_letters: 60 }) });
    expect(await screen.findByText("26–50 de 60")).toBeInTheDocument();
    vi.mocked(listDeadLetters).mockResolvedValue(letters(2));
    live.say({ sync: sync({ dead_letters: 2 }) });
    await waitFor(() => expect(shownLetters()).toEqual(names(1, 2)));
    expect(screen.queryByLabelText("Página siguiente")).toBeNull();
  });

  it("does not draw the dead letters anew with each event", async () => {
    let read = 0;
    const detail = { get: () => `read ${++read} times` };
    vi.mocked(listDeadLetters).mockResolvedValue([
      Object.defineProperty(letter(), "detail", detail),
    ]);
    const { live } = await show(<OperationsPage />);
    await screen.findByRole("article");
    const before = read;
    expect(before).toBeGreaterThan(0);
    live.say({ sync: sync({ pending_updates: 7 }) });
    expect(await screen.findByText("7")).toBeInTheDocument();
    expect(read).toBe(before);
  });

  it("queues it again with another value", async () => {
    vi.mocked(retryDeadLetter).mockResolvedValue({ status: "pending", operation: OPERATION });
    await show(<OperationsPage />);
    await screen.findByRole("article");
    await press("Reintentar");
    const area = screen.getByRole("textbox", { name: /Área/ });
    expect(area).toHaveValue("Sala 2");
    await userEvent.clear(area);
    await userEvent.type(area, "Sala 3");
    await userEvent.click(screen.getAllByRole("button", { name: "Reintentar" }).at(-1) as Element);
    expect(retryDeadLetter).toHaveBeenCalledWith(OPERATION, { area: "Sala 3" });
    await waitFor(() => expect(listDeadLetters).toHaveBeenCalledTimes(2));
  });

  it("discards it only when asked twice", async () => {
    vi.mocked(discardDeadLetter).mockResolvedValue({ status: "discarded", operation: OPERATION });
    await show(<OperationsPage />);
    await screen.findByRole("article");
    await press("Descartar");
    expect(discardDeadLetter).not.toHaveBeenCalled();
    await userEvent.click(screen.getAllByRole("button", { name: "Descartar" }).at(-1) as Element);
    expect(discardDeadLetter).toHaveBeenCalledWith(OPERATION);
  });

  it("runs a sync, and says when one runs already", async () => {
    await show(<OperationsPage />);
    vi.mocked(runSync).mockResolvedValueOnce();
    await press("Sincronizar ahora");
    expect(await screen.findByText("La sincronización comenzó.")).toBeInTheDocument();
    vi.mocked(runSync).mockRejectedValueOnce(new ApiError("http", 409, problem("busy", 409), 1));
    await press("Sincronizar ahora");
    expect(await screen.findByText("Ya hay una sincronización en marcha.")).toBeInTheDocument();
  });

  it("has no buttons for who may not", async () => {
    await show(<OperationsPage />, { role: "write" });
    await screen.findByRole("article");
    for (const name of ["Sincronizar ahora", "Reintentar", "Descartar"]) {
      expect(button(name)).toBeNull();
    }
  });

  it("lists what waits: kind, item, what it changes, since when, and who took it", async () => {
    const create = { kind: "create", data: { ...item({ code: "N-1" }) }, base: null } as const;
    vi.mocked(listPending).mockResolvedValue({
      count: 3,
      total: 40,
      next: "c",
      data: [
        pending(),
        pending({ ...create, operation: "o2", item_id: "pending_o2", instance: "lab-2" }),
        pending({ kind: "delete", data: null, operation: "o3" }),
      ],
    });
    await show(<OperationsPage />);
    const rows = await screen.findAllByTestId("pending");
    expect(rows[0]).toHaveTextContent(/^CambioPC-01id 5Área: Sala 1 → Sala 2.*lab-1$/);
    expect(rows[1]).toHaveTextContent(/^AltaN-1Código: N-1Tipo: ComputadoraEstado: .*lab-2$/);
    expect(rows[2]).toHaveTextContent(/^BajaPC-01id 5Código: PC-01Tipo/);
    await press("Página siguiente");
    await waitFor(() =>
      expect(vi.mocked(listPending).mock.lastCall?.[0]).toEqual({ limit: 25, after: "c" }),
    );
  });

  it("lists what waits anew when the state changes, in English too", async () => {
    const { live } = await show(<OperationsPage />, { language: "en" });
    expect(await screen.findByText("No operation waits for MySQL.")).toBeInTheDocument();
    const found = { count: 1, total: 1, next: null, data: [pending()] };
    vi.mocked(listPending).mockResolvedValue(found);
    live.say({ sync: sync({ pending_updates: 1 }) });
    expect(await screen.findByTestId("pending")).toHaveTextContent("Area: Sala 1 → Sala 2");
  });

  it("says why what waits cannot be listed", async () => {
    vi.mocked(listPending).mockRejectedValue(new ApiError("timeout", undefined, undefined, 5));
    await show(<OperationsPage />);
    expect(await screen.findByText("El servidor no respondió a tiempo.")).toBeInTheDocument();
  });

  it("asks again when the number of dead letters changes", async () => {
    const { live } = await show(<OperationsPage />);
    await screen.findByRole("article");
    vi.mocked(listDeadLetters).mockResolvedValue([]);
    live.say({ sync: sync({ dead_letters: 3 }) });
    expect(await screen.findByText("No hay operaciones fallidas.")).toBeInTheDocument();
  });
});

describe("InstancesPage", () => {
  it("shows heartbeats, and the requests as bars", async () => {
    vi.mocked(listInstances).mockResolvedValue([
      { instance: "b", status: "Online", requests: 50, last_seen: TIME },
      { instance: "a", status: "Online", requests: 200, last_seen: TIME },
    ]);
    await show(<InstancesPage />);
    await screen.findByRole("table");
    const names = screen.getAllByRole("rowheader").map((cell) => cell.textContent);
    expect(names).toEqual(["a", "b"]);
    const widths = screen.getAllByTestId("bar").map((bar) => bar.style.width);
    expect(widths).toEqual(["100%", "25%"]);
  });

  it("says that none is known", async () => {
    await show(<InstancesPage />);
    expect(await screen.findByText(/No hay instancias conocidas/)).toBeInTheDocument();
  });
});
