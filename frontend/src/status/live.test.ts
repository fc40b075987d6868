// @vitest-environment node
import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, it, vi } from "vitest";
import { health, sync } from "../test/samples";
import { sendJson, startServer, type TestServer } from "../test/server";
import { LiveStatus, type LiveOptions } from "./live";

let server: TestServer | undefined;
let live: LiveStatus | undefined;

afterEach(async () => {
  live?.stop();
  await server?.close();
  live = server = undefined;
});

const event = (change: Parameters<typeof sync>[0] = {}) =>
  `event: status\ndata: ${JSON.stringify({ health: health(), sync: sync(change) })}\n\n`;

interface Fake {
  streams: ServerResponse[];
  events: "stream" | "none" | "page" | "broken" | 401;
  health: number;
  status: number;
}

/* A daemon of which every answer can be chosen. */
async function daemon(change: Partial<Fake> = {}, port = 0) {
  const fake: Fake = { streams: [], events: "stream", health: 200, status: 200, ...change };
  server = await startServer(({ url }, response) => {
    if (url === "/health") {
      const status = fake.health === 200 ? "healthy" : "error";
      return sendJson(response, fake.health, health({ status }));
    }
    if (url === "/sync/status") {
      return sendJson(response, fake.status, fake.status === 200 ? sync() : {});
    }
    if (fake.events === "none") return sendJson(response, 404, {});
    if (fake.events === 401) return sendJson(response, 401, {});
    if (fake.events === "broken") return response.destroy();
    const type = fake.events === "page" ? "text/html" : "text/event-stream";
    response.writeHead(200, { "Content-Type": type });
    response.write(fake.events === "page" ? "<html>" : event());
    fake.streams.push(response);
  }, port);
  return fake;
}

function start(options: LiveOptions = {}): LiveStatus {
  const fast = { pollMs: 40, silenceMs: 5_000, requestMs: 5_000, backoffMs: 10, random: () => 1 };
  live = new LiveStatus({ baseURL: server?.url ?? "", ...fast, ...options });
  live.start();
  return live;
}

async function until(check: () => boolean) {
  await vi.waitFor(() => expect(check()).toBe(true), { timeout: 5_000, interval: 5 });
}

const requests = (path: string) => server?.seen.filter(({ url }) => url === path).length ?? 0;
const connection = (one: LiveStatus) => one.snapshot().connection;

describe("LiveStatus", () => {
  it("is connecting at first, then shows what the stream says", async () => {
    const fake = await daemon();
    const one = start();
    expect(connection(one)).toBe("connecting");
    await until(() => connection(one) === "stream");
    expect(one.snapshot()).toMatchObject({ health: health(), sync: sync() });
    fake.streams[0]?.write(": heartbeat\n\n" + event({ pending_creates: 7 }));
    await until(() => one.snapshot().sync?.pending_creates === 7);
    expect(requests("/health")).toBe(0);
  });

  it("tells its listeners of every change until they leave", async () => {
    const fake = await daemon();
    const one = start();
    const listener = vi.fn();
    const leave = one.subscribe(listener);
    await until(() => listener.mock.calls.length === 1);
    leave();
    fake.streams[0]?.write(event({ cache_items: 5 }));
    await until(() => one.snapshot().sync?.cache_items === 5);
    expect(listener).toHaveBeenCalledTimes(1);
  });

  it("sends the bearer token", async () => {
    await daemon();
    const one = start({ token: () => "secret" });
    await until(() => connection(one) === "stream");
    expect(server?.seen[0]?.headers.authorization).toBe("Bearer secret");
  });

  it.each(["none", "page"] as const)("polls where /events is %s", async (events) => {
    await daemon({ events });
    const one = start();
    await until(() => requests("/sync/status") > 2 && connection(one) === "polling");
    expect(one.snapshot()).toMatchObject({ health: health(), sync: sync() });
  });

  it("polls while the stream breaks, and goes back to it", async () => {
    const fake = await daemon({ events: "broken" });
    const one = start();
    await until(() => connection(one) === "polling");
    fake.events = "stream";
    await until(() => connection(one) === "stream");
  });

  it("takes what a 503 of /health says", async () => {
    await daemon({ events: "none", health: 503 });
    const one = start();
    await until(() => one.snapshot().health?.status === "error");
    expect(connection(one)).toBe("polling");
  });

  it("comes back at once when a stream ends", async () => {
    const fake = await daemon();
    const one = start();
    await until(() => fake.streams.length === 1);
    fake.streams[0]?.end();
    await until(() => fake.streams.length === 2);
    await until(() => connection(one) === "stream");
  });

  it("takes a silent stream for dead", async () => {
    const fake = await daemon();
    start({ silenceMs: 30 });
    await until(() => fake.streams.length >= 3);
  });

  it("says since when it is disconnected, and reconnects by itself", async () => {
    await daemon();
    const one = start();
    await until(() => connection(one) === "stream");
    const port = Number(new URL(server?.url ?? "").port);
    const before = Date.now();
    await server?.close();
    await until(() => connection(one) === "disconnected");
    const since = one.snapshot().disconnectedSince ?? 0;
    expect(since).toBeGreaterThanOrEqual(before);
    expect(one.snapshot().health).toBeDefined();
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(one.snapshot().disconnectedSince).toBe(since);
    await daemon({}, port);
    await until(() => connection(one) === "stream");
    expect(one.snapshot().disconnectedSince).toBeUndefined();
  });

  it("does not wait any longer when hurried", async () => {
    const fake = await daemon({ events: "none" });
    const one = start({ pollMs: 60_000 });
    await until(() => connection(one) === "polling");
    fake.events = "stream";
    await until(() => {
      one.hurry();
      return connection(one) === "stream";
    });
  });

  it("stops at a 401 and begins again with another token", async () => {
    const fake = await daemon({ events: 401 });
    const one = start();
    await until(() => connection(one) === "unauthorized");
    expect(requests("/health")).toBe(0);
    fake.events = "stream";
    one.restart();
    await until(() => connection(one) === "stream");
  });

  it("ends with stop", async () => {
    const fake = await daemon();
    const one = start();
    await until(() => connection(one) === "stream");
    const closed = new Promise((resolve) => fake.streams[0]?.on("close", resolve));
    one.stop();
    await closed;
    expect(fake.streams).toHaveLength(1);
  });
});
