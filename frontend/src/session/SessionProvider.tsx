/* SessionProvider.tsx - who is using the page: asks /session, and for a token when the API wants one. */
import { createContext, useCallback, useContext, useEffect, useMemo, useState } from "react";
import type { ReactNode } from "react";
import { onUnauthorized } from "../api/axios";
import { ApiError } from "../api/problem";
import { getSession } from "../api/relevo";
import { readToken, storeToken } from "../api/token";
import type { Session } from "../api/types";
import { useLiveStatus } from "../status/LiveStatusProvider";
import { SignInDialog } from "./SignInDialog";

interface SessionState {
  session: Session | undefined; // undefined: not known yet
  canWrite: boolean;
  isAdmin: boolean;
  signOut: (() => void) | undefined; // undefined: nobody is signed in
}

const SessionContext = createContext<SessionState>({
  session: undefined,
  canWrite: false,
  isAdmin: false,
  signOut: undefined,
});

export function useSession(): SessionState {
  return useContext(SessionContext);
}

/* For tests, and for parts that are shown on their own. */
export const SessionValue = SessionContext.Provider;

function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}

export function SessionProvider({ children }: { children: ReactNode }) {
  const [session, setSession] = useState<Session>();
  const [asked, setAsked] = useState(false);
  const { connection } = useLiveStatus();
  const connected = connection === "stream" || connection === "polling";

  useEffect(() => onUnauthorized(() => setAsked(true)), []);

  // Again after each reconnection: the daemon may have been given other tokens.
  useEffect(() => {
    let current = true;
    getSession()
      .then((found) => {
        if (!current) return;
        setSession(found);
        setAsked(false);
      })
      .catch((error: unknown) => {
        if (current && isRefusal(error)) setSession(undefined);
      });
    return () => {
      current = false;
    };
  }, [connected]);

  /* Throws if the token is refused. */
  const signIn = useCallback(async (token: string) => {
    storeToken(token);
    try {
      setSession(await getSession());
      setAsked(false);
    } catch (error) {
      storeToken(null);
      throw error;
    }
  }, []);

  const signOut = useCallback(() => {
    storeToken(null);
    setSession(undefined);
    setAsked(true);
  }, []);

  const value = useMemo<SessionState>(() => {
    const role = session?.role;
    return {
      session,
      canWrite: role === "write" || role === "admin",
      isAdmin: role === "admin",
      signOut: session?.access === "token" && readToken() !== null ? signOut : undefined,
    };
  }, [session, signOut]);

  return (
    <SessionContext.Provider value={value}>
      {children}
      {asked && <SignInDialog onSubmit={signIn} />}
    </SessionContext.Provider>
  );
}
