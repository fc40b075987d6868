/* render.tsx - a component with all providers around it. */
import { ThemeProvider } from "@mui/material/styles";
import { render } from "@testing-library/react";
import type { ReactElement } from "react";
import type { Session } from "../api/types";
import { NoticeProvider } from "../components/Notice";
import { i18n, type Language } from "../i18n";
import { SessionValue } from "../session/SessionProvider";
import { LiveStatusProvider } from "../status/LiveStatusProvider";
import { theme } from "../theme";
import { FakeLive } from "./fakeLive";

interface Options {
  live?: FakeLive;
  role?: Session["role"];
  language?: Language;
}

export async function show(element: ReactElement, options: Options = {}) {
  const { live = new FakeLive(), role = "admin", language = "es" } = options;
  await i18n.changeLanguage(language);
  const session = {
    session: { access: "token", role } as const,
    canWrite: role !== "read",
    isAdmin: role === "admin",
    signOut: undefined,
  };
  const result = render(
    <ThemeProvider theme={theme}>
      <LiveStatusProvider live={live}>
        <SessionValue value={session}>
          <NoticeProvider>{element}</NoticeProvider>
        </SessionValue>
      </LiveStatusProvider>
    </ThemeProvider>,
  );
  return { ...result, live };
}
