/* LiveStatusProvider.tsx - one LiveStatus for the whole page, and the history made from it. */
import {
  createContext,
  useContext,
  useEffect,
  useMemo,
  useState,
  useSyncExternalStore,
  type ReactNode,
} from "react";
import { onTokenChange, readToken } from "../api/token";
import { LiveStatus, type LiveState } from "./live";
import { RequestCounter, type Rates } from "./rates";
import { HistoryRecorder } from "./recorder";
import type { Sample } from "./history";

interface Sources {
  live: LiveStatus;
  counter: RequestCounter;
  recorder: HistoryRecorder;
}

const SourcesContext = createContext<Sources | undefined>(undefined);

function useSources(): Sources {
  const sources = useContext(SourcesContext);
  if (sources === undefined) throw new Error("no LiveStatusProvider above");
  return sources;
}

export function useLiveStatus(): LiveState {
  const { live } = useSources();
  return useSyncExternalStore(live.subscribe, live.snapshot);
}

export function useRates(): Rates {
  const { counter } = useSources();
  return useSyncExternalStore(counter.subscribe, counter.snapshot);
}

export function useHistory(): readonly Sample[] {
  const { recorder } = useSources();
  return useSyncExternalStore(recorder.subscribe, recorder.snapshot);
}

interface Props {
  children: ReactNode;
  live?: LiveStatus; // for tests
}

export function LiveStatusProvider({ children, live: given }: Props) {
  const [live] = useState(() => given ?? new LiveStatus({ token: readToken }));
  const sources = useMemo(() => {
    const counter = new RequestCounter(() => live.snapshot().connection !== "unauthorized");
    return { live, counter, recorder: new HistoryRecorder(live, counter) };
  }, [live]);

  useEffect(() => {
    const { counter, recorder } = sources;
    const hurry = () => {
      if (document.visibilityState === "visible") live.hurry();
    };
    live.start();
    counter.start();
    recorder.start();
    const forget = onTokenChange(() => live.restart());
    window.addEventListener("online", hurry);
    document.addEventListener("visibilitychange", hurry);
    return () => {
      live.stop();
      counter.stop();
      recorder.stop();
      forget();
      window.removeEventListener("online", hurry);
      document.removeEventListener("visibilitychange", hurry);
    };
  }, [live, sources]);

  return <SourcesContext.Provider value={sources}>{children}</SourcesContext.Provider>;
}
