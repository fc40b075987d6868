/* Notice.tsx - short messages at the bottom: what was done, what failed. */
import Alert from "@mui/material/Alert";
import Snackbar from "@mui/material/Snackbar";
import { createContext, useCallback, useContext, useState, type ReactNode } from "react";

export type NoticeKind = "success" | "info" | "warning" | "error";
type Notify = (kind: NoticeKind, text: string) => void;

const NoticeContext = createContext<Notify>(() => undefined);

export function useNotify(): Notify {
  return useContext(NoticeContext);
}

interface Shown {
  kind: NoticeKind;
  text: string;
  key: number;
}

export function NoticeProvider({ children }: { children: ReactNode }) {
  const [shown, setShown] = useState<Shown>();
  const [open, setOpen] = useState(false);
  const notify = useCallback<Notify>((kind, text) => {
    setShown((last) => ({ kind, text, key: (last?.key ?? 0) + 1 }));
    setOpen(true);
  }, []);
  const close = (_event: unknown, reason?: string) => {
    if (reason !== "clickaway") setOpen(false);
  };
  return (
    <NoticeContext.Provider value={notify}>
      {children}
      <Snackbar
        key={shown?.key}
        open={open}
        autoHideDuration={shown?.kind === "error" ? 12_000 : 6_000}
        onClose={close}
        anchorOrigin={{ vertical: "bottom", horizontal: "center" }}
        sx={{ bottom: { xs: 72, md: 24 } }}
      >
        <Alert severity={shown?.kind ?? "info"} variant="filled" onClose={close}>
          {shown?.text}
        </Alert>
      </Snackbar>
    </NoticeContext.Provider>
  );
}
