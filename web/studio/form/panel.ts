// How the upload under way looks and sounds. It knows nothing of tus.
import { bytes, must, type Words } from "./words";

export type Tone = "" | "wait" | "wrong" | "done";
export type Button = "pause" | "resume" | "again" | "keep" | "replace" | "mobile" | "here" | "insist" | "cancel";

// Screen readers hear how far it is this often at most, in milliseconds.
const quiet = 20_000;
// Speed is that of the last so many milliseconds.
const lately = 15_000;

export class Panel {
  private readonly box = must("sending");
  private readonly what = must("sending-what");
  private readonly bar = must<HTMLProgressElement>("sending-progress");
  private readonly numbers = must("sending-numbers");
  private readonly more = must("sending-more");
  private readonly voice = must("sending-say");
  private readonly title = document.title;
  private samples: { at: number; sent: number }[] = [];
  private spoken = { at: 0, tenth: -1 };
  private drawn = 0;
  private notes = new Map<string, string>();
  private said = ""; // the explanation of the state, without notes
  /** Bytes that left this device, also those sent twice. */
  used = 0;

  constructor(readonly words: Words) {}

  on(button: Button, press: () => void): void {
    must(`sending-${button}`).addEventListener("click", press);
  }

  /** Shows a state, its explanation and what can be done. */
  show(state: string, what: string, options: { tone?: Tone; more?: string; buttons?: Button[]; bar?: boolean } = {}): void {
    this.said = options.more ?? "";
    const more = this.explained();
    const fresh = this.box.dataset.state !== state || this.what.textContent !== what || this.more.textContent !== more;
    this.box.hidden = false;
    this.box.dataset.state = state;
    this.box.dataset.tone = options.tone ?? "";
    this.what.textContent = what;
    this.more.textContent = more;
    this.bar.hidden = options.bar === false;
    this.numbers.hidden = options.bar === false || options.tone === "done"; // no time is left to tell
    for (const button of this.box.querySelectorAll("button")) {
      const focused = document.activeElement === button;
      button.hidden = !options.buttons?.some((name) => button.id === `sending-${name}`);
      if (focused && button.hidden) this.box.querySelector<HTMLButtonElement>("button:not([hidden])")?.focus();
    }
    if (fresh) this.say([what, more].filter(Boolean).join(" "));
    if (state !== "sending") document.title = this.title;
  }

  /** Says something beside the state, under a name; an empty text takes it back. */
  note(name: string, text: string): void {
    if ((this.notes.get(name) ?? "") === text) return;
    if (text) this.notes.set(name, text);
    else this.notes.delete(name);
    this.more.textContent = this.explained();
    if (text) this.say(text);
  }

  private explained(): string {
    return [this.said, ...this.notes.values()].filter(Boolean).join(" ");
  }

  /** While nobody looks, the name of the tab is all there is to read. */
  background(is: boolean): void {
    document.title = is ? this.words("background") : this.title;
  }

  /** Changes what is written without saying it aloud, for seconds that pass. */
  count(what: string): void {
    this.what.textContent = what;
  }

  label(button: Button, text: string): void {
    must(`sending-${button}`).textContent = text;
  }

  hide(): void {
    this.notes.clear();
    this.box.hidden = true;
    this.box.dataset.state = "";
    this.voice.textContent = "";
    document.title = this.title;
  }

  /** The upload begins to move, from here. */
  restart(sent: number, size: number): void {
    this.samples = [];
    this.drawn = 0;
    this.progress(sent, size);
  }

  /** How far it is; drawn at most four times a second. */
  progress(sent: number, size: number): void {
    const now = performance.now();
    this.samples.push({ at: now, sent });
    while (this.samples.length > 2 && now - (this.samples[0]?.at ?? now) > lately) this.samples.shift();
    if (now - this.drawn < 250 && sent < size) return;
    this.drawn = now;
    const percent = percentOf(sent, size);
    const speed = this.speed;
    const left = speed > 0 ? this.left((size - sent) / speed) : "";
    this.bar.value = Math.floor((sent * 1000) / Math.max(size, 1));
    this.numbers.textContent = [
      this.words("numbers", { percent, sent: bytes(sent), size: bytes(size) }),
      speed > 0 ? this.words("speed", { speed: bytes(speed) }) : "",
      left,
      this.used > 0 ? this.words("used", { used: bytes(this.used) }) : "",
    ]
      .filter(Boolean)
      .join(" · ");
    if (this.box.dataset.state !== "sending" || document.hidden) return;
    document.title = `${percent} % · ${this.title}`;
    const tenth = Math.floor(percent / 10);
    if (left && tenth > this.spoken.tenth && now - this.spoken.at > quiet) {
      this.spoken = { at: now, tenth };
      this.say(this.words("say", { percent, left }));
    }
  }

  /** Bytes a second, 0 while nobody can tell. */
  get speed(): number {
    const first = this.samples[0];
    const last = this.samples[this.samples.length - 1];
    if (!first || !last || last.at - first.at < 1_500) return 0;
    return Math.max(0, (last.sent - first.sent) / ((last.at - first.at) / 1000));
  }

  private left(seconds: number): string {
    const minutes = Math.round(seconds / 60);
    if (seconds < 50) return this.words("less");
    if (minutes < 2) return this.words("minute");
    if (minutes < 60) return this.words("minutes", { n: minutes });
    return this.words("hours", { h: Math.floor(minutes / 60), m: minutes % 60 });
  }

  /** A moment later, for a region that has just come into sight is not heard. */
  private say(text: string): void {
    window.setTimeout(() => (this.voice.textContent = text), 50);
    this.spoken.at = performance.now();
  }
}

/** Whole percents, never more than there are. */
export function percentOf(sent: number, size: number): number {
  return Math.floor((sent * 100) / Math.max(size, 1));
}
