/* fakeLive.ts - a LiveStatus that says what a test wants. */
import { act } from "@testing-library/react";
import { LiveStatus, type LiveState } from "../status/live";
import { health, sync } from "./samples";

export class FakeLive extends LiveStatus {
  private said: LiveState;
  private readonly heardBy = new Set<() => void>();

  constructor(change: Partial<LiveState> = {}) {
    super();
    this.said = { connection: "stream", health: health(), sync: sync(), ...change };
  }

  override readonly subscribe = (listener: () => void) => {
    this.heardBy.add(listener);
    return () => {
      this.heardBy.delete(listener);
    };
  };

  override readonly snapshot = () => this.said;
  override start() {
    // There is nothing to listen to.
  }
  override stop() {
    // Nor to leave.
  }

  say(change: Partial<LiveState>) {
    act(() => {
      this.said = { ...this.said, ...change };
      for (const listener of this.heardBy) listener();
    });
  }
}
