// Beginning and end of a film, with two sliders and two fields that follow each
// other. The film shows the moment that is being chosen.
import { clock } from "./time";
import { must, wordsOf } from "../form/words";

// What must be left, in seconds.
const least = 1;

/** Seconds as the portal reads them: 65, 65,5 or 1:05. */
export function secondsOf(text: string): number {
  const parts = text.replace(",", ".").split(":");
  return parts.reduce((sum, part) => sum * 60 + (part.trim() === "" ? NaN : Number(part)), 0);
}

export class Trimmer {
  private readonly from = must<HTMLInputElement>("f-from");
  private readonly to = must<HTMLInputElement>("f-to");
  private readonly fromSlide = must<HTMLInputElement>("trim-from");
  private readonly toSlide = must<HTMLInputElement>("trim-to");
  private readonly left = must("trim-left");
  private readonly words = wordsOf(this.left);
  private length = 0;

  constructor(private readonly film: HTMLVideoElement) {
    for (const [one, other] of [
      [this.from, this.fromSlide],
      [this.to, this.toSlide],
    ] as const) {
      one.addEventListener("change", () => this.set(one, secondsOf(one.value)));
      other.addEventListener("input", () => this.set(one, Number(other.value)));
    }
    film.addEventListener("timeupdate", () => {
      if (!film.paused && this.length && film.currentTime >= this.end) film.pause();
    });
    film.addEventListener("play", () => {
      if (film.currentTime < this.start - 0.05 || film.currentTime >= this.end - 0.05) film.currentTime = this.start;
    });
  }

  /** The film plays so many seconds. */
  begin(length: number, from = 0, to = 0): void {
    this.length = Math.floor(length * 10) / 10;
    for (const slide of [this.fromSlide, this.toSlide]) {
      slide.max = String(this.length);
      slide.hidden = false;
    }
    this.write(Math.min(from, this.length), to > 0 ? Math.min(to, this.length) : this.length);
  }

  /** Seconds; an end of 0 is that of the film. */
  get chosen(): { from: number; to: number } {
    return { from: this.start, to: this.end >= this.length ? 0 : this.end };
  }

  private get start(): number {
    return Number(this.fromSlide.value);
  }

  private get end(): number {
    return Number(this.toSlide.value);
  }

  private set(which: HTMLInputElement, value: number): void {
    if (!Number.isFinite(value)) value = which === this.from ? this.start : this.end;
    let start = this.start;
    let end = this.end;
    if (which === this.from) start = Math.max(0, Math.min(value, this.length - least));
    else end = Math.min(this.length, Math.max(value, least));
    if (end - start < least) {
      if (which === this.from) end = Math.min(this.length, start + least);
      else start = Math.max(0, end - least);
    }
    this.write(start, end);
    this.film.pause();
    this.film.currentTime = which === this.from ? start : Math.max(start, end - 0.1);
  }

  private write(start: number, end: number): void {
    for (const [input, slide, value] of [
      [this.from, this.fromSlide, start],
      [this.to, this.toSlide, end],
    ] as const) {
      const tenths = Math.round(value * 10) / 10;
      slide.value = String(tenths);
      input.value = tenths.toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1, useGrouping: false });
      slide.setAttribute("aria-valuetext", clock(value));
    }
    this.left.textContent = this.words("left", { time: clock(Math.round(Math.max(0, end - start))) });
  }
}
