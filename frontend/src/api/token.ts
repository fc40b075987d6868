/* token.ts - the bearer token, kept as long as the browser's tab. */
const KEY = "relevo.token";

type Listener = () => void;
const listeners = new Set<Listener>();

export function readToken(): string | null {
  return sessionStorage.getItem(KEY);
}

export function storeToken(token: string | null): void {
  if (token === null) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, token);
  for (const listener of listeners) listener();
}

/* Told of every change; returns the way to end that. */
export function onTokenChange(listener: Listener): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}
