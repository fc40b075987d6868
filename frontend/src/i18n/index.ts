/* index.ts - Spanish and English: the browser's language, or what the user chose. */
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { en } from "./en";
import { es } from "./es";

export type Language = "es" | "en";
const KEY = "relevo.language";

/* Of the languages a browser names, in its order, the first that we speak. */
export function pickLanguage(stored: string | null, wanted: readonly string[]): Language {
  if (stored === "es" || stored === "en") return stored;
  for (const tag of wanted) {
    const language = tag.slice(0, 2).toLowerCase();
    if (language === "es" || language === "en") return language;
  }
  return "en";
}

function show(language: string): void {
  document.documentElement.lang = language;
}

export function chooseLanguage(language: Language): void {
  localStorage.setItem(KEY, language);
  void i18next.changeLanguage(language);
}

i18next.on("languageChanged", show);
void i18next.use(initReactI18next).init({
  lng: pickLanguage(localStorage.getItem(KEY), navigator.languages),
  fallbackLng: "en",
  resources: { es: { translation: es }, en: { translation: en } },
  interpolation: { escapeValue: false },
  initAsync: false,
  showSupportNotice: false,
});

export { default as i18n } from "i18next";
