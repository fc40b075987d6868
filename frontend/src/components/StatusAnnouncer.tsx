/* StatusAnnouncer.tsx - says changes of the system's state to screen readers. */
import Box from "@mui/material/Box";
import { visuallyHidden } from "@mui/utils";
import type { ParseKeys } from "i18next";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { LiveState } from "../status/live";
import { useLiveStatus } from "../status/LiveStatusProvider";

/* The names of what changed between two states. */
export function changes(before: LiveState, after: LiveState): string[] {
  const said: string[] = [];
  const lost = (state: LiveState) => state.connection === "disconnected";
  if (lost(after) && !lost(before)) said.push("announce.disconnected");
  if (!lost(after) && lost(before)) said.push("announce.connected");
  if (before.health !== undefined && after.health !== undefined) {
    if (before.health.mysql && !after.health.mysql) said.push("announce.mysqlDown");
    if (!before.health.mysql && after.health.mysql) said.push("announce.mysqlUp");
    if (before.health.redis && !after.health.redis) said.push("announce.redisDown");
    if (!before.health.redis && after.health.redis) said.push("announce.redisUp");
  }
  if (before.sync?.is_consistent === false && after.sync?.is_consistent === true) {
    said.push("announce.synced");
  }
  return said;
}

export function StatusAnnouncer() {
  const { t } = useTranslation();
  const state = useLiveStatus();
  const before = useRef(state);
  const [text, setText] = useState("");

  useEffect(() => {
    const said = changes(before.current, state);
    before.current = state;
    if (said.length > 0) setText(said.map((key) => t(key as ParseKeys)).join(" "));
  }, [state, t]);

  return (
    <Box role="status" aria-live="polite" data-testid="announcer" sx={visuallyHidden}>
      {text}
    </Box>
  );
}
