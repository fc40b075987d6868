/* useDeadLetters.ts - the dead letters, asked again whenever their number may have changed. */
import { useCallback, useEffect, useState } from "react";
import { listDeadLetters } from "../api/relevo";
import type { DeadLetter } from "../api/types";
import { useLiveStatus } from "../status/LiveStatusProvider";

interface DeadLetterList {
  letters: DeadLetter[] | undefined;
  error: unknown;
  refresh: () => void;
}

export function useDeadLetters(): DeadLetterList {
  const [letters, setLetters] = useState<DeadLetter[]>();
  const [error, setError] = useState<unknown>();
  const [tick, setTick] = useState(0);
  const { sync, connection } = useLiveStatus();
  const mark = [connection, sync?.dead_letters, sync?.last_sync?.at, sync?.mode].join();
  const refresh = useCallback(() => setTick((n) => n + 1), []);

  useEffect(() => {
    const call = new AbortController();
    listDeadLetters(call.signal)
      .then((found) => {
        setLetters(found);
        setError(undefined);
      })
      .catch((fault: unknown) => {
        if (!call.signal.aborted) setError(fault);
      });
    return () => call.abort();
  }, [mark, tick]);

  return { letters, error, refresh };
}
