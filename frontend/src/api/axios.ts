/* axios.ts - the one HTTP client: time-out, retries, idempotency keys, bearer token.
 *
 * Every write carries an Idempotency-Key, the same one for all its attempts, so that a retry never
 * applies it twice. What fails for good is thrown as an ApiError.
 */
import axios from "axios";
import type { AxiosAdapter, AxiosInstance, InternalAxiosRequestConfig } from "axios";
import { problemOf, toApiError } from "./problem";
import { retryDelay } from "./retry";
import { readToken } from "./token";
import { uuid } from "./uuid";

export const TIMEOUT_MS = 10_000;
const WRITES = new Set(["post", "put", "patch", "delete"]);

declare module "axios" {
  interface InternalAxiosRequestConfig {
    attempt?: number; // 0 for the first
  }
}

export interface ClientOptions {
  baseURL?: string;
  timeout?: number;
  token?: () => string | null;
  onUnauthorized?: () => void;
  random?: () => number;
  sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
  adapter?: AxiosAdapter;
}

/* Ends early if the request is cancelled. */
function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function prepare(config: InternalAxiosRequestConfig, token: string | null) {
  if (token !== null) config.headers.set("Authorization", `Bearer ${token}`);
  const write = WRITES.has((config.method ?? "get").toLowerCase());
  if (write && !config.headers.has("Idempotency-Key")) {
    config.headers.set("Idempotency-Key", uuid());
  }
  config.attempt ??= 0;
  return config;
}

export function createClient(options: ClientOptions = {}): AxiosInstance {
  const { token = readToken, random = Math.random, sleep = pause } = options;
  const client = axios.create({
    baseURL: options.baseURL ?? "",
    timeout: options.timeout ?? TIMEOUT_MS,
    ...(options.adapter === undefined ? {} : { adapter: options.adapter }),
  });

  client.interceptors.request.use((config) => prepare(config, token()));
  client.interceptors.response.use(undefined, async (error: unknown) => {
    if (!axios.isAxiosError(error) || axios.isCancel(error)) throw error;
    const { config, response } = error;
    const attempt = config?.attempt ?? 0;
    if (response?.status === 401) options.onUnauthorized?.();
    const delay = retryDelay(
      {
        status: response?.status,
        problemType: problemOf(response?.data)?.type,
        retryAfter: response?.headers["retry-after"],
      },
      attempt,
      random,
    );
    if (config === undefined || delay === undefined) throw toApiError(error, attempt + 1);
    // Cancelled meanwhile: the pause is cut short, and axios will not send it again.
    await sleep(delay, config.signal as AbortSignal | undefined);
    config.attempt = attempt + 1;
    return client.request(config);
  });
  return client;
}

type Listener = () => void;
const unauthorized = new Set<Listener>();

/* Told of every 401 of the client below; returns the way to end that. */
export function onUnauthorized(listener: Listener): () => void {
  unauthorized.add(listener);
  return () => {
    unauthorized.delete(listener);
  };
}

export const client = createClient({
  onUnauthorized: () => {
    for (const listener of unauthorized) listener();
  },
});
