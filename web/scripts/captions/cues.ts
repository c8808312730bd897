// Captions as a list of cues: what can be done with them, apart from the page.

/** A caption; its times are in milliseconds. */
export interface Cue {
  start: number;
  end: number;
  text: string;
}

const two = (n: number): string => String(n).padStart(2, "0");

/** 00:01:02.500 */
function stamp(ms: number): string {
  const t = Math.max(0, Math.round(ms));
  return `${two(Math.floor(t / 3_600_000))}:${two(Math.floor(t / 60_000) % 60)}:${two(Math.floor(t / 1000) % 60)}.${String(t % 1000).padStart(3, "0")}`;
}

/** The text of WebVTT that the portal keeps. */
export function compose(cues: Cue[]): string {
  let text = "WEBVTT\n";
  for (const cue of cues) {
    const lines = cue.text.split("\n").map((line) => line.trim().replaceAll("-->", "--&gt;")).filter((line) => line !== "");
    text += `\n${stamp(cue.start)} --> ${stamp(cue.end)}\n${lines.map((line) => `${line}\n`).join("")}`;
  }
  return text;
}

/** 1:02.5, as people read and type it. */
export function writeTime(ms: number): string {
  const t = Math.max(0, Math.round(ms));
  const rest = String(t % 1000).padStart(3, "0");
  return `${Math.floor(t / 60_000)}:${two(Math.floor(t / 1000) % 60)}.${rest}`;
}

/** A time as typed: 1:02.5, 1:02,5, 62.5 or 0:01:02.500. */
export function readTime(text: string): number | undefined {
  const m = /^\s*(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,5})(?:[.,](\d{1,3}))?\s*$/.exec(text);
  if (!m) return undefined;
  const n = (part: string | undefined) => Number(part ?? 0);
  return (n(m[1]) * 3600 + n(m[2]) * 60 + n(m[3])) * 1000 + Number((m[4] ?? "").padEnd(3, "0"));
}

/** How much to move by, as typed: -0,5 or 1.25. */
export function readShift(text: string): number | undefined {
  const m = /^\s*([+\-−]?)\s*(\d{1,5}(?:[.,]\d{1,3})?)\s*$/.exec(text);
  if (!m) return undefined;
  const ms = Math.round(Number(m[2]!.replace(",", ".")) * 1000);
  return m[1] === "" || m[1] === "+" ? ms : -ms;
}

/** A cue in two, at a place of its text; undefined if one of them would be empty. */
export function split(cue: Cue, at: number): [Cue, Cue] | undefined {
  const first = cue.text.slice(0, at).trim();
  const second = cue.text.slice(at).trim();
  if (first === "" || second === "") return undefined;
  const moment = Math.round(cue.start + ((cue.end - cue.start) * first.length) / (first.length + second.length));
  return [{ start: cue.start, end: moment, text: first }, { start: moment, end: cue.end, text: second }];
}

/** The space between words that is nearest to the middle. */
export function middle(text: string): number {
  let best = 0;
  for (let i = 1; i < text.length; i++) {
    if (/\s/.test(text[i]!) && Math.abs(i - text.length / 2) < Math.abs(best - text.length / 2)) best = i;
  }
  return best;
}

/** A list with some of its cues replaced. */
export const replaced = (cues: Cue[], at: number, count: number, ...by: Cue[]): Cue[] => [...cues.slice(0, at), ...by, ...cues.slice(at + count)];

export const joined = (a: Cue, b: Cue): Cue => ({ start: a.start, end: Math.max(a.end, b.end), text: `${a.text}\n${b.text}`.trim() });

/** A new cue below one, or the first of all at a moment. */
export function below(cues: Cue[], index: number, moment: number): Cue {
  const before = cues[index];
  const start = before ? before.end : moment;
  const next = cues[index + 1];
  const end = next && next.start > start ? Math.min(next.start, start + 2000) : start + 2000;
  return { start, end, text: "" };
}

export const shifted = (cues: Cue[], by: number): Cue[] =>
  cues.map((cue) => ({ ...cue, start: Math.max(0, cue.start + by), end: Math.max(0, cue.end + by) }));
