/* rates.ts - the instances and how many requests a second each of them serves, asked every few
 * seconds while the page is looked at. */
import { listInstances } from "../api/relevo";
import type { Instance } from "../api/types";
import { count, rates, type Counted } from "./history";

const PERIOD_MS = 4_000;
/* The daemons add their counters up in steps: one count and the next tell too little. */
const COUNTS = 4;

export interface Rates {
  instances?: Instance[]; // undefined: not known yet
  perSecond: Record<string, number>;
  known: boolean; // of perSecond: there are two counts
  error?: unknown;
}

export class RequestCounter {
  private state: Rates = { perSecond: {}, known: false };
  private counts: Counted[] = [];
  private readonly listeners = new Set<() => void>();
  private timer: ReturnType<typeof setInterval> | undefined;
  private call: AbortController | undefined;

  /* `allowed` false: there is no use in asking, nobody is signed in. */
  constructor(private readonly allowed: () => boolean) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  };

  readonly snapshot = (): Rates => this.state;

  start(): void {
    void this.refresh();
    this.timer = setInterval(() => {
      if (document.visibilityState === "visible" && this.allowed()) void this.refresh();
    }, PERIOD_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.call?.abort();
    this.call = undefined;
  }

  private set(state: Rates): void {
    this.state = state;
    for (const listener of this.listeners) listener();
  }

  private async refresh(): Promise<void> {
    if (this.call !== undefined) return; // the last one still runs
    const call = new AbortController();
    this.call = call;
    try {
      const instances = await listInstances(call.signal);
      const now = count(instances, Date.now());
      const [oldest] = this.counts;
      const perSecond = oldest === undefined ? {} : rates(oldest, now);
      this.counts = [...this.counts, now].slice(-COUNTS);
      this.set({ instances, perSecond, known: oldest !== undefined });
    } catch (error) {
      if (call.signal.aborted) return;
      this.counts = [];
      this.set({ ...this.state, perSecond: {}, known: false, error });
    } finally {
      if (this.call === call) this.call = undefined;
    }
  }
}
