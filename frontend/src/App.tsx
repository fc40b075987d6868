/* App.tsx - providers, frame, and the page that the address names; pages are loaded when wanted. */
import CssBaseline from "@mui/material/CssBaseline";
import { ThemeProvider } from "@mui/material/styles";
import { lazy, Suspense } from "react";
import { Crash } from "./components/Crash";
import { Frame } from "./components/Frame";
import { Loading } from "./components/Loading";
import { NoticeProvider } from "./components/Notice";
import { StatusAnnouncer } from "./components/StatusAnnouncer";
import { useRoute, type Route } from "./route";
import { SessionProvider } from "./session/SessionProvider";
import { LiveStatusProvider } from "./status/LiveStatusProvider";
import { theme } from "./theme";
import { StatusPage } from "./pages/StatusPage";

const PAGES: Record<Route, React.ComponentType> = {
  status: StatusPage,
  items: lazy(() => import("./pages/ItemsPage")),
  operations: lazy(() => import("./pages/OperationsPage")),
  instances: lazy(() => import("./pages/InstancesPage")),
};

function CurrentPage() {
  const route = useRoute();
  const Page = PAGES[route];
  return (
    <Crash key={route}>
      <Suspense fallback={<Loading />}>
        <Page />
      </Suspense>
    </Crash>
  );
}

export function App() {
  return (
    <ThemeProvider theme={theme} defaultMode="system" modeStorageKey="relevo.mode">
      <CssBaseline enableColorScheme />
      <LiveStatusProvider>
        <SessionProvider>
          <NoticeProvider>
            <StatusAnnouncer />
            <Frame>
              <CurrentPage />
            </Frame>
          </NoticeProvider>
        </SessionProvider>
      </LiveStatusProvider>
    </ThemeProvider>
  );
}
