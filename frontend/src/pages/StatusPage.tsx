/* StatusPage.tsx - the first page. */
import { SystemHealthMonitor } from "../components/SystemHealthMonitor";

export function StatusPage() {
  return <SystemHealthMonitor />;
}
