import { act, screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { listInstances } from "../api/relevo";
import { FakeLive } from "../test/fakeLive";
import { show } from "../test/render";
import { health, sync } from "../test/samples";
import { SystemHealthMonitor } from "./SystemHealthMonitor";

vi.mock("../api/relevo");

const text = (id: string) => screen.getByTestId(id).textContent;
const states = () => ["mysql-state", "redis-state", "sync-state", "overall-state"].map(text);

beforeEach(() => {
  vi.mocked(listInstances).mockResolvedValue([]);
});
afterEach(() => {
  vi.useRealTimers();
});

describe("SystemHealthMonitor", () => {
  it("shows a healthy system", async () => {
    await show(<SystemHealthMonitor />);
    expect(screen.getByRole("heading", { level: 1 })).toHaveTextContent("Estado del Sistema");
    expect(states()).toEqual(["En línea", "En línea", "Sincronizado", "Saludable"]);
    expect(text("connection")).toBe("En vivo");
  });

  it("speaks English", async () => {
    await show(<SystemHealthMonitor />, { language: "en" });
    expect(states()).toEqual(["Online", "Online", "In sync", "Healthy"]);
  });

  it("shows the numbers", async () => {
    const live = new FakeLive({
      sync: sync({ pending_creates: 1, pending_updates: 2, pending_deletes: 3, dead_letters: 4 }),
    });
    await show(<SystemHealthMonitor />, { live, language: "en" });
    const facts = ["cacheItems", "creates", "updates", "deletes", "dead", "rebuilds", "hash"];
    expect(facts.map((name) => text(`fact-${name}`))).toEqual([
      "1,234",
      "1",
      "2",
      "3",
      "4",
      "3",
      "Yes",
    ]);
    expect(text("fact-duration")).toBe("12 ms");
    expect(text("fact-durability")).toBe("Always (each write)");
    expect(text("fact-lastSync")).toMatch(/1\/31\/26/);
  });

  it.each([
    ["MySQL", { mysql: false, status: "degraded", mode: "offline" } as const],
    ["Redis", { redis: false, status: "degraded" } as const],
  ])("shows an outage of %s", async (server, change) => {
    const { live } = await show(<SystemHealthMonitor />);
    live.say({
      health: health(change),
      sync: sync({ is_consistent: false, status: "out_of_sync" }),
    });
    expect(text(`${server.toLowerCase()}-state`)).toBe("Fuera de línea");
    expect(text("sync-state")).toBe("Desincronizado");
    expect(text("overall-state")).toBe("Degradado");
  });

  it("shows that both are down", async () => {
    const live = new FakeLive({ health: health({ mysql: false, redis: false, status: "error" }) });
    await show(<SystemHealthMonitor />, { live });
    expect(text("overall-state")).toBe("Error");
  });

  it("says since when it is disconnected, and claims nothing of now", async () => {
    const { live } = await show(<SystemHealthMonitor />, { language: "en" });
    const since = new Date(2026, 0, 31, 12, 3, 4).getTime();
    live.say({ connection: "disconnected", disconnectedSince: since, updatedAt: since - 1000 });
    expect(screen.getByRole("alert")).toHaveTextContent(/Disconnected since 12:03:04/);
    expect(screen.getByRole("alert")).toHaveTextContent(/from 12:03:03/);
    expect(states()).toEqual(["Unknown", "Unknown", "Unknown", "Unknown"]);
  });

  it("shows how far a drain is", async () => {
    const { live } = await show(<SystemHealthMonitor />);
    expect(screen.queryByRole("progressbar")).toBeNull();
    live.say({ sync: sync({ drain: { running: true, done: 30, total: 120 } }) });
    const bar = screen.getByRole("progressbar", { name: "Aplicando operaciones pendientes" });
    expect(bar).toHaveAttribute("aria-valuenow", "25");
    expect(screen.getByText("30 de 120")).toBeInTheDocument();
  });

  it("waits for the first word without inventing one", async () => {
    const live = new FakeLive({ connection: "connecting", health: undefined, sync: undefined });
    await show(<SystemHealthMonitor />, { live });
    expect(states()).toEqual(Array(4).fill("Desconocido"));
    expect(text("fact-cacheItems")).toBe("—");
  });

  it("draws the last minutes, outages shaded", async () => {
    vi.useFakeTimers();
    const { live } = await show(<SystemHealthMonitor />);
    act(() => void vi.advanceTimersByTime(10_000));
    expect(screen.queryAllByTestId("outage")).toHaveLength(0);
    live.say({ health: health({ mysql: false }), sync: sync({ pending_creates: 9 }) });
    act(() => void vi.advanceTimersByTime(10_000));
    expect(text("chart-pending-now")).toBe("9");
    // One in each of the two plots.
    expect(screen.getAllByTestId("outage")).toHaveLength(2);
    expect(screen.getByRole("img")).toHaveAccessibleName(/9 operaciones pendientes/);
  });
});
