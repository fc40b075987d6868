// @vitest-environment node
import { afterEach, describe, expect, it, vi } from "vitest";
import { problem, sendJson, startServer, type TestServer } from "../test/server";
import { createClient, type ClientOptions } from "./axios";
import { ApiError } from "./problem";
import { RETRIES } from "./retry";

let server: TestServer | undefined;

afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function setup(handle: TestServer["handle"], options: ClientOptions = {}) {
  server = await startServer(handle);
  const sleep = vi.fn<(ms: number) => Promise<void>>().mockResolvedValue();
  const client = createClient({
    baseURL: server.url,
    token: () => null,
    random: () => 1,
    sleep,
    ...options,
  });
  return { client, sleep, seen: server.seen };
}

async function failureOf(request: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await request.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ApiError)) throw new Error("no ApiError");
  return error;
}

describe("retries", () => {
  it.each([502, 503, 504])("sends a request again after %s", async (status) => {
    const { client, seen, sleep } = await setup((_request, response, count) =>
      sendJson(response, count < 3 ? status : 200, { count }),
    );
    expect((await client.get<unknown>("/items")).data).toEqual({ count: 3 });
    expect(seen).toHaveLength(3);
    expect(sleep.mock.calls.map(([ms]) => ms)).toEqual([300, 600]);
  });

  it("waits as Retry-After says", async () => {
    const { client, sleep } = await setup((_request, response, count) =>
      sendJson(response, count === 1 ? 503 : 200, {}, count === 1 ? { "Retry-After": "2" } : {}),
    );
    await client.get("/items");
    expect(sleep.mock.calls.map(([ms]) => ms)).toEqual([2300]);
  });

  it("sends a request again after the connection broke", async () => {
    const { client, seen } = await setup((_request, response, count) => {
      if (count === 1) response.destroy();
      else sendJson(response, 200, { count });
    });
    expect((await client.get<unknown>("/items")).data).toEqual({ count: 2 });
    expect(seen).toHaveLength(2);
  });

  it("sends a request again after a time-out, and says so in the end", async () => {
    const { client, seen } = await setup(() => undefined, { timeout: 30 });
    const error = await failureOf(client.get("/items"));
    expect(error.kind).toBe("timeout");
    expect(seen).toHaveLength(1 + RETRIES);
  });

  it("gives up in the end", async () => {
    const { client, seen } = await setup((_request, response) =>
      sendJson(response, 503, problem("both-down", 503)),
    );
    const error = await failureOf(client.get("/items"));
    expect(error).toMatchObject({ status: 503, code: "both-down", attempts: 1 + RETRIES });
    expect(seen).toHaveLength(1 + RETRIES);
  });

  it.each([400, 404, 412, 422, 500])("does not repeat what got %s", async (status) => {
    const { client, seen } = await setup((_request, response) =>
      sendJson(response, status, problem("x", status)),
    );
    expect((await failureOf(client.post("/items", {}))).status).toBe(status);
    expect(seen).toHaveLength(1);
  });

  it("says that nobody is there", async () => {
    const { client } = await setup(() => undefined);
    await server?.close();
    const error = await failureOf(client.get("/items"));
    expect(error).toMatchObject({ kind: "network", status: undefined, attempts: 1 + RETRIES });
  });

  it("does not repeat a cancelled request", async () => {
    const call = new AbortController();
    const { client, seen } = await setup(() => call.abort());
    await expect(client.get("/items", { signal: call.signal })).rejects.toThrow();
    expect(seen).toHaveLength(1);
  });

  it("does not repeat a request that is cancelled during the pause", async () => {
    const call = new AbortController();
    const { client, seen } = await setup((_request, response) => sendJson(response, 503, {}), {
      sleep: () => {
        call.abort();
        return Promise.resolve();
      },
    });
    await expect(client.get("/items", { signal: call.signal })).rejects.toThrow();
    expect(seen).toHaveLength(1);
  });
});

describe("idempotency keys", () => {
  it.each(["post", "put", "patch", "delete"])(
    "%s carries one, the same for all its attempts",
    async (method) => {
      const { client, seen } = await setup((_request, response, count) => {
        if (count === 1) response.destroy();
        else sendJson(response, count === 2 ? 503 : 200, {});
      });
      await client.request({ method, url: "/items/1", data: { area: "ñandú" } });
      const keys = seen.map((request) => request.headers["idempotency-key"]);
      expect(keys).toHaveLength(3);
      expect(keys[0]).toMatch(/^[!-~]{1,255}$/);
      expect(new Set(keys).size).toBe(1);
      // The repeated body is the same to the byte: it is part of the fingerprint.
      expect(seen.map((request) => request.body)).toEqual(Array(3).fill('{"area":"ñandú"}'));
      expect(seen[2]?.headers["content-type"]).toMatch(/^application\/json/);
    },
  );

  it("is a new one for every write", async () => {
    const { client, seen } = await setup((_request, response) => sendJson(response, 200, {}));
    await client.post("/items", {});
    await client.post("/items", {});
    expect(new Set(seen.map((request) => request.headers["idempotency-key"])).size).toBe(2);
  });

  it("is left out of reads", async () => {
    const { client, seen } = await setup((_request, response) => sendJson(response, 200, {}));
    await client.get("/items");
    expect(seen[0]?.headers["idempotency-key"]).toBeUndefined();
  });

  it("waits for its own first attempt", async () => {
    const { client, seen } = await setup((_request, response, count) => {
      if (count === 1) sendJson(response, 409, problem("key-busy", 409));
      else sendJson(response, 201, { status: "success" });
    });
    expect((await client.post("/items", {})).status).toBe(201);
    expect(seen).toHaveLength(2);
  });
});

describe("access", () => {
  it("sends the bearer token, on repeats the one that is valid then", async () => {
    let token = "first";
    const { client, seen } = await setup(
      (_request, response, count) => {
        token = "second";
        sendJson(response, count === 1 ? 503 : 200, {});
      },
      { token: () => token },
    );
    await client.get("/items");
    expect(seen.map((request) => request.headers.authorization)).toEqual([
      "Bearer first",
      "Bearer second",
    ]);
  });

  it("tells of a 401", async () => {
    const onUnauthorized = vi.fn();
    const { client } = await setup(
      (_request, response) => sendJson(response, 401, problem("no-token", 401)),
      { onUnauthorized },
    );
    await failureOf(client.get("/items"));
    expect(onUnauthorized).toHaveBeenCalledTimes(1);
  });
});

it("reads the field errors of a problem document", async () => {
  const errors = [
    { field: "code", message: "required" },
    { field: "area", message: "must have 1 to 100 characters" },
  ];
  const { client } = await setup((_request, response) =>
    sendJson(response, 422, problem("invalid", 422, { errors })),
  );
  const error = await failureOf(client.post("/items", {}));
  expect(error.message).toBe("invalid!");
  expect(error.fieldErrors).toEqual({ code: "required", area: "must have 1 to 100 characters" });
});
