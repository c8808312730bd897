// Words that the page brought along, in its language, and numbers in it.

/** A sentence by its name, with what stands in braces filled in. */
export type Words = (name: string, values?: Record<string, string | number>) => string;

/** The sentences in an element's data-text-… attributes. */
export function wordsOf(element: HTMLElement): Words {
  return (name, values = {}) => {
    const text = element.dataset["text" + name.charAt(0).toUpperCase() + name.slice(1)] ?? "";
    return text.replace(/\{(\w+)\}/g, (whole, key: string) => {
      const value = values[key];
      return value === undefined ? whole : typeof value === "number" ? number.format(value) : value;
    });
  };
}

const lang = document.documentElement.lang;
const number = new Intl.NumberFormat(lang, { useGrouping: true });
const decimal = new Intl.NumberFormat(lang, { maximumFractionDigits: 1, useGrouping: true });

/** An amount of bytes as the pages write it: 12,4 MB. */
export function bytes(n: number): string {
  const units = lang === "fr" ? ["o", "ko", "Mo", "Go", "To"] : ["B", "kB", "MB", "GB", "TB"];
  let i = 0;
  for (; n >= 999.95 && i < units.length - 1; i++) n /= 1000;
  return `${decimal.format(n)}\u00a0${units[i]}`;
}

/** A time of today, or day and time. */
export function moment(at: Date): string {
  const timeZone = "Europe/Rome"; // as on the pages
  const day = (t: Date): string => t.toLocaleDateString(lang, { timeZone });
  const today = day(at) === day(new Date());
  return at.toLocaleString(lang, today ? { timeStyle: "short", timeZone } : { dateStyle: "medium", timeStyle: "short", timeZone });
}

/** A day, written out. */
export function day(at: Date): string {
  return at.toLocaleDateString(lang, { dateStyle: "long", timeZone: "Europe/Rome" });
}

/** The element with an id that the page is sure to have. */
export function must<T extends HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element as T;
}
