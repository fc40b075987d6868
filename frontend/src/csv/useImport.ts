/* useImport.ts - one file on its way in: read, looked at, sent, stopped, sent again. */
import { useCallback, useEffect, useRef, useState } from "react";
import { toApiError, type ApiError } from "../api/problem";
import { importRows, resultsOf, type Result } from "./importRows";
import { readSheet, type Sheet } from "./rows";
import { decodeText, readRows, type Decoded } from "./text";

export const SIZE_MAX_MB = 20;
const SHOWN_EVERY_MS = 100;

export type ReadFault = "unreadable" | "tooLarge" | "empty";
export type Stage = "choose" | "look" | "run" | "stopped" | "done";

interface ReadFile {
  sheet: Sheet;
  encoding: Decoded["encoding"];
}

export interface Import {
  stage: Stage;
  sheet: Sheet | undefined;
  encoding: Decoded["encoding"] | undefined;
  fault: ReadFault | undefined;
  results: readonly Result[];
  refusal: ApiError | undefined; // what the server said of all rows
  read: (file: File) => void;
  start: () => void;
  stop: () => void;
}

async function readFile(file: File): Promise<ReadFile | ReadFault> {
  if (file.size > SIZE_MAX_MB * 1024 * 1024) return "tooLarge";
  try {
    const { text, encoding } = decodeText(await file.arrayBuffer());
    const sheet = readSheet(readRows(text));
    return sheet.rows.length === 0 ? "empty" : { sheet, encoding };
  } catch {
    return "unreadable";
  }
}

export function useImport(): Import {
  const [stage, setStage] = useState<Stage>("choose");
  const [file, setFile] = useState<ReadFile>();
  const [fault, setFault] = useState<ReadFault>();
  const [results, setResults] = useState<readonly Result[]>([]);
  const [refusal, setRefusal] = useState<ApiError>();
  const running = useRef<AbortController>(undefined);
  useEffect(() => () => running.current?.abort(), []);

  const read = useCallback((chosen: File) => {
    void readFile(chosen).then((found) => {
      const good = typeof found === "object";
      setFault(good ? undefined : found);
      setFile(good ? found : undefined);
      setResults(good ? resultsOf(found.sheet.rows) : []);
      setRefusal(undefined);
      setStage(good ? "look" : "choose");
    });
  }, []);

  const start = useCallback(() => {
    if (running.current !== undefined) return;
    const call = new AbortController();
    running.current = call;
    const now = [...results];
    // Thousands of rows a minute are not shown one by one.
    const timer = setInterval(() => setResults([...now]), SHOWN_EVERY_MS);
    setRefusal(undefined);
    setStage("run");
    const tell = (index: number, result: Result) => {
      now[index] = result;
    };
    importRows(now, tell, call.signal)
      .then(() => setStage(call.signal.aborted ? "stopped" : "done"))
      .catch((error: unknown) => {
        setRefusal(toApiError(error));
        setStage("stopped");
      })
      .finally(() => {
        clearInterval(timer);
        running.current = undefined;
        setResults(now);
      });
  }, [results]);

  const stop = useCallback(() => running.current?.abort(), []);
  const { sheet, encoding } = file ?? {};
  return { stage, sheet, encoding, fault, results, refusal, read, start, stop };
}
