import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/problem";
import {
  discardDeadLetter,
  listDeadLetters,
  listInstances,
  listItems,
  retryDeadLetter,
  runSync,
} from "../api/relevo";
import { show } from "../test/render";
import { letter, OPERATION, sync, TIME } from "../test/samples";
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
