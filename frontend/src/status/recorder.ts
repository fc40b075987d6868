/* recorder.ts - takes a sample of the live state every two seconds, and at each change that matters. */
import { isOutage, pendingOf } from "./derive";
import { append, STEP_MS, total, type Sample } from "./history";
import type { LiveStatus } from "./live";
import type { RequestCounter } from "./rates";

export class HistoryRecorder {
  private samples: readonly Sample[] = [];
  private readonly listeners = new Set<() => void>();
  private timer: ReturnType<typeof setInterval> | undefined;
  private forget: (() => void) | undefined;

  constructor(
    private readonly live: LiveStatus,
    private readonly counter: RequestCounter,
  ) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  };

  readonly snapshot = (): readonly Sample[] => this.samples;

  start(): void {
    this.timer = setInterval(() => this.take(), STEP_MS);
    this.forget = this.live.subscribe(() => this.takeIfChanged());
  }

  stop(): void {
    clearInterval(this.timer);
    this.forget?.();
  }

  private current(): Sample | undefined {
    const { health, sync, connection } = this.live.snapshot();
    if (health === undefined || sync === undefined) return undefined;
    const connected = connection === "stream" || connection === "polling";
    const { known, perSecond } = this.counter.snapshot();
    return {
      at: Date.now(),
      pending: connected ? pendingOf(sync) : null,
      rate: connected && known ? total(perSecond) : null,
      outage: connected && isOutage(health),
    };
  }

  private take(): void {
    const sample = this.current();
    if (sample === undefined) return;
    this.samples = append(this.samples, sample);
    for (const listener of this.listeners) listener();
  }

  private takeIfChanged(): void {
    const sample = this.current();
    const last = this.samples.at(-1);
    if (sample?.pending !== last?.pending || sample?.outage !== last?.outage) this.take();
  }
}
