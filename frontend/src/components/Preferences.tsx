/* Preferences.tsx - language, light or dark, sign out. */
import DarkIcon from "@mui/icons-material/DarkModeOutlined";
import LightIcon from "@mui/icons-material/LightModeOutlined";
import LogoutIcon from "@mui/icons-material/Logout";
import Button from "@mui/material/Button";
import IconButton from "@mui/material/IconButton";
import Tooltip from "@mui/material/Tooltip";
import useMediaQuery from "@mui/material/useMediaQuery";
import { useColorScheme } from "@mui/material/styles";
import { useTranslation } from "react-i18next";
import { chooseLanguage } from "../i18n";
import { useSession } from "../session/SessionProvider";

function LanguageSwitch() {
  const { t, i18n } = useTranslation();
  const other = i18n.language === "es" ? "en" : "es";
  const name = other === "en" ? t("app.english") : t("app.spanish");
  return (
    <Tooltip title={name}>
      <Button
        color="inherit"
        size="small"
        lang={other}
        aria-label={`${other.toUpperCase()}: ${name}`}
        onClick={() => chooseLanguage(other)}
        sx={{ minWidth: 40, px: 0.5 }}
      >
        {other.toUpperCase()}
      </Button>
    </Tooltip>
  );
}

function ModeSwitch() {
  const { t } = useTranslation();
  const { mode, setMode } = useColorScheme();
  const systemDark = useMediaQuery("(prefers-color-scheme: dark)", { noSsr: true });
  const dark = mode === "dark" || (mode === "system" && systemDark);
  const name = dark ? t("app.light") : t("app.dark");
  return (
    <Tooltip title={name}>
      <IconButton
        color="inherit"
        aria-label={name}
        onClick={() => setMode(dark ? "light" : "dark")}
      >
        {dark ? <LightIcon /> : <DarkIcon />}
      </IconButton>
    </Tooltip>
  );
}

export function Preferences() {
  const { t } = useTranslation();
  const { signOut } = useSession();
  return (
    <>
      <LanguageSwitch />
      <ModeSwitch />
      {signOut !== undefined && (
        <Tooltip title={t("app.signOut")}>
          <IconButton color="inherit" aria-label={t("app.signOut")} onClick={signOut} edge="end">
            <LogoutIcon />
          </IconButton>
        </Tooltip>
      )}
    </>
  );
}
