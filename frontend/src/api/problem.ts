/* problem.ts - what went wrong with a request, in a form that can be shown. */
import { isAxiosError } from "axios";
import type { TFunction } from "i18next";
import { es } from "../i18n/es";
import type { Problem } from "./types";

const URN = "urn:relevo:problem:";

export type FailureKind = "network" | "timeout" | "http";

export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly kind: FailureKind,
    readonly status: number | undefined,
    readonly problem: Problem | undefined,
    readonly attempts: number,
  ) {
    super(problem?.detail ?? (status === undefined ? kind : `HTTP ${status}`));
  }

  /* `precondition` of urn:relevo:problem:precondition. */
  get code(): string | undefined {
    return this.problem?.type.startsWith(URN) ? this.problem.type.slice(URN.length) : undefined;
  }

  /* The server's message for each faulty field; "" is the body itself. */
  get fieldErrors(): Record<string, string> {
    return Object.fromEntries(
      (this.problem?.errors ?? []).map(({ field, message }) => [field, message]),
    );
  }
}

function isProblem(value: unknown): value is Problem {
  if (typeof value !== "object" || value === null) return false;
  const { type, title, detail } = value as Partial<Record<string, unknown>>;
  return typeof type === "string" && typeof title === "string" && typeof detail === "string";
}

/* The problem document of an answer, whether parsed or still text. */
export function problemOf(data: unknown): Problem | undefined {
  if (typeof data !== "string") return isProblem(data) ? data : undefined;
  try {
    const parsed: unknown = JSON.parse(data);
    return isProblem(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/* Whatever was thrown by a request as an ApiError. */
export function toApiError(error: unknown, attempts = 1): ApiError {
  if (error instanceof ApiError) return error;
  if (!isAxiosError(error)) return new ApiError("network", undefined, undefined, attempts);
  if (error.response !== undefined) {
    return new ApiError("http", error.response.status, problemOf(error.response.data), attempts);
  }
  const timedOut = error.code === "ECONNABORTED" || error.code === "ETIMEDOUT";
  return new ApiError(timedOut ? "timeout" : "network", undefined, undefined, attempts);
}

/* The problems that we have words of our own for. */
function isKnown(code: string | undefined): code is keyof typeof es.error.problem {
  return code !== undefined && Object.hasOwn(es.error.problem, code);
}

/* One sentence for the user. */
export function describeError(error: unknown, t: TFunction): string {
  const failure = toApiError(error);
  if (failure.kind !== "http") return t(`error.${failure.kind}`);
  const detail = failure.problem?.detail;
  if (isKnown(failure.code)) return t(`error.problem.${failure.code}`, { detail });
  return detail ?? t("error.http", { status: failure.status });
}

/* The server's message for one field, in the user's language where we know it. */
export function describeFieldError(message: string, t: TFunction): string {
  const length = /^must have (\d+) to (\d+) characters$/.exec(message);
  if (length !== null) return t("error.field.length", { min: length[1], max: length[2] });
  if (message === "required") return t("error.field.required");
  if (message.startsWith("must be a real date")) return t("error.field.date");
  if (message.startsWith("must be a string")) return t("error.field.string");
  return message;
}
