/* Crash.tsx - keeps a page that fails from taking the others with it. */
import Alert from "@mui/material/Alert";
import Button from "@mui/material/Button";
import { Component, type ReactNode } from "react";
import { i18n } from "../i18n";

interface Props {
  children: ReactNode;
}

export class Crash extends Component<Props, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    const reload = (
      <Button color="inherit" onClick={() => window.location.reload()}>
        {i18n.t("app.reload")}
      </Button>
    );
    return (
      <Alert severity="error" action={reload}>
        {i18n.t("app.crashed")}
      </Alert>
    );
  }
}
