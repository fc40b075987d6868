/* live.ts - the daemon's state as it stands now.
 *
 * Listens to /events through fetch, so that the bearer token can be sent. When the stream cannot be
 * had or breaks, /health and /sync/status are asked instead, at least every 10 s, and the stream is
 * tried again with backoff. Knows nothing of React.
 */
import type { Health, StatusEvent, SyncStatus } from "../api/types";
import { backoff } from "../api/retry";
import { EventDecoder } from "./sse";

/* connecting: nothing heard yet; stream and polling: what is shown is true now. */
export type Connection = "connecting" | "stream" | "polling" | "disconnected" | "unauthorized";

export interface LiveState {
  connection: Connection;
  health?: Health;
  sync?: SyncStatus;
  updatedAt?: number; // last word from the daemon
  disconnectedSince?: number;
}

export interface LiveOptions {
  baseURL?: string;
  fetch?: typeof fetch;
  token?: () => string | null;
  random?: () => number;
  pollMs?: number;
  silenceMs?: number; // a stream that says nothing for so long is dead
  requestMs?: number;
  backoffMs?: number;
}

class Unauthorized extends Error {}
class NoStream extends Error {}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

export class LiveStatus {
  private state: LiveState = { connection: "connecting" };
  private readonly listeners = new Set<() => void>();
  private running: AbortController | undefined;
  private wake: (() => void) | undefined;
  private readonly options: Required<LiveOptions>;

  constructor(options: LiveOptions = {}) {
    this.options = {
      baseURL: "",
      fetch: (...args) => fetch(...args),
      token: () => null,
      random: Math.random,
      pollMs: 10_000,
      silenceMs: 25_000,
      requestMs: 10_000,
      backoffMs: 500,
      ...options,
    };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  };

  readonly snapshot = (): LiveState => this.state;

  start(): void {
    if (this.running !== undefined) return;
    this.running = new AbortController();
    void this.run(this.running.signal);
  }

  stop(): void {
    this.running?.abort();
    this.running = undefined;
    this.wake?.();
  }

  /* With another token, say. */
  restart(): void {
    this.stop();
    this.set({ connection: "connecting", disconnectedSince: undefined });
    this.start();
  }

  /* Try now instead of waiting: the browser is online again, the page is looked at again. */
  hurry(): void {
    this.wake?.();
  }

  private set(change: Partial<LiveState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }

  private heard(connection: "stream" | "polling", event?: StatusEvent): void {
    this.set({ connection, disconnectedSince: undefined, updatedAt: Date.now(), ...event });
  }

  private lost(): void {
    const since = this.state.disconnectedSince ?? Date.now();
    this.set({ connection: "disconnected", disconnectedSince: since });
  }

  private async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      let pause: number;
      try {
        const heardOf = await this.stream(signal).catch((error: unknown) => {
          if (error instanceof Unauthorized || error instanceof NoStream) throw error;
          return false;
        });
        failures = heardOf ? 0 : failures + 1;
        pause = backoff(failures, this.options.random, this.options.backoffMs, this.options.pollMs);
      } catch (error) {
        if (error instanceof Unauthorized) return this.refused(signal);
        pause = this.options.pollMs;
      }
      if (this.isAborted(signal)) return;
      try {
        await this.poll(signal);
      } catch (error) {
        if (error instanceof Unauthorized) return this.refused(signal);
        if (!this.isAborted(signal)) this.lost();
      }
      await this.rest(pause, signal);
    }
  }

  /* A method, so that the compiler does not think it knows the answer. */
  private isAborted(signal: AbortSignal): boolean {
    return signal.aborted;
  }

  private refused(signal: AbortSignal): void {
    if (!signal.aborted) this.set({ connection: "unauthorized" });
  }

  private rest(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private headers(accept: string): Record<string, string> {
    const token = this.options.token();
    return { Accept: accept, ...(token === null ? {} : { Authorization: `Bearer ${token}` }) };
  }

  /* Until the stream ends. True if anything came through it. */
  private async stream(signal: AbortSignal): Promise<boolean> {
    const call = new AbortController();
    const abort = () => call.abort();
    signal.addEventListener("abort", abort);
    let timer = setTimeout(abort, this.options.requestMs);
    let heard = false;
    try {
      const answer = await this.options.fetch(`${this.options.baseURL}/events`, {
        headers: this.headers("text/event-stream"),
        signal: call.signal,
        cache: "no-store",
      });
      if (answer.status === 401 || answer.status === 403) throw new Unauthorized();
      const type = answer.headers.get("Content-Type") ?? "";
      if (answer.status === 404 || (answer.ok && !type.startsWith("text/event-stream"))) {
        call.abort();
        throw new NoStream();
      }
      if (!answer.ok || answer.body === null) return false;
      const reader = answer.body.getReader();
      const decoder = new EventDecoder();
      for (;;) {
        clearTimeout(timer);
        timer = setTimeout(abort, this.options.silenceMs);
        const { done, value } = await reader.read();
        if (done) return heard;
        for (const event of decoder.push(value)) {
          if (event.name !== "status") continue;
          this.heard("stream", JSON.parse(event.data) as StatusEvent);
          heard = true;
        }
      }
    } catch (error) {
      if (error instanceof Unauthorized || error instanceof NoStream) throw error;
      return heard;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  private async ask(path: string, signal: AbortSignal): Promise<unknown> {
    const call = new AbortController();
    const abort = () => call.abort();
    signal.addEventListener("abort", abort);
    const timer = setTimeout(abort, this.options.requestMs);
    try {
      const answer = await this.options.fetch(`${this.options.baseURL}${path}`, {
        headers: this.headers("application/json"),
        signal: call.signal,
        cache: "no-store",
      });
      if (answer.status === 401 || answer.status === 403) throw new Unauthorized();
      const body: unknown = await answer.json();
      // /health says 503 and how things stand when both servers are down.
      const isAnswer = isObject(body) && ("mysql" in body || "mysql_available" in body);
      if (!isAnswer) throw new Error(`${path}: ${answer.status}`);
      return body;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  private async poll(signal: AbortSignal): Promise<void> {
    const [health, sync] = await Promise.all([
      this.ask("/health", signal),
      this.ask("/sync/status", signal),
    ]);
    this.heard("polling", { health: health as Health, sync: sync as SyncStatus });
  }
}
