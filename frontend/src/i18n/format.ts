/* format.ts - numbers and times in the user's language. */
import { useMemo } from "react";
import { useTranslation } from "react-i18next";

export interface Formats {
  number: (value: number) => string;
  rate: (value: number) => string;
  duration: (ms: number) => string;
  time: (at: number | string) => string;
  dateTime: (at: string) => string;
  date: (day: string) => string;
}

export function makeFormats(language: string): Formats {
  const number = new Intl.NumberFormat(language);
  const rate = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  const time = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
  const dateTime = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "medium" });
  const date = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone: "UTC" });
  const safely = (format: Intl.DateTimeFormat, at: number | string) => {
    const when = new Date(at);
    return Number.isNaN(when.getTime()) ? String(at) : format.format(when);
  };
  return {
    number: (value) => number.format(value),
    rate: (value) => rate.format(value),
    duration: (ms) =>
      ms < 1000 ? `${number.format(Math.round(ms))} ms` : `${rate.format(ms / 1000)} s`,
    time: (at) => safely(time, at),
    dateTime: (at) => safely(dateTime, at),
    date: (day) => safely(date, day),
  };
}

export function useFormats(): Formats {
  const { i18n } = useTranslation();
  const language = i18n.language;
  return useMemo(() => makeFormats(language), [language]);
}
