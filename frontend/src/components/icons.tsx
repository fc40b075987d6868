/* icons.tsx - a shape for each severity, so that colour is never the only sign. */
import CheckIcon from "@mui/icons-material/CheckCircle";
import ErrorIcon from "@mui/icons-material/Error";
import HelpIcon from "@mui/icons-material/HelpOutline";
import WarningIcon from "@mui/icons-material/Warning";
import type { ReactElement } from "react";
import type { Severity } from "../status/derive";

export const STATE_ICONS: Record<Severity, ReactElement> = {
  success: <CheckIcon fontSize="small" />,
  warning: <WarningIcon fontSize="small" />,
  error: <ErrorIcon fontSize="small" />,
  default: <HelpIcon fontSize="small" />,
};
