// When a small version is made, and what becomes of it. The code that makes it
// comes only when it is wanted.
import { remember, remembered, show } from "./network";

const key = "voci.small-first";
// Milliseconds between two thoughts about it: a line is not judged by its first
// seconds, in which bytes only fill the device's own buffers.
const first = 12_000;
const between = 5_000;

type Small = typeof import("./small");

export class Maker {
  private readonly tick = document.getElementById("small-first") as HTMLInputElement | null;
  private code: Small | null = null;
  private file: File | null = null; // that was last thought about
  private seconds = -1; // that it plays; -1 while nobody has looked
  private thought = 0; // when
  private over: AbortController | null = null; // while one is made
  private finished: File | null = null;
  private settled = false; // made, given up or sent: nothing more to think about

  constructor(private readonly made: () => void) {
    const { tick } = this;
    if (!tick || typeof MediaRecorder === "undefined" || !("captureStream" in HTMLVideoElement.prototype)) return;
    show("small-choice", true);
    tick.checked = remembered(key) !== "no";
    tick.addEventListener("change", () => {
      remember(key, tick.checked ? "yes" : "no");
      this.over?.abort();
      this.over = this.finished = null;
      this.settled = !tick.checked;
    });
  }

  /** The small version, once it is there and until it was sent. */
  get ready(): File | null {
    return this.finished;
  }

  /** Forgets what was made of another file. */
  drop(file: File | null): void {
    if (file && file === this.file) return;
    this.over?.abort();
    this.over = this.finished = null;
    this.file = file;
    this.seconds = -1;
    this.settled = false;
    this.thought = performance.now() + first - between;
  }

  /** It was sent, or is given up. */
  done(): void {
    this.finished = null;
    this.settled = true;
  }

  /** Begins to make one if it helps. Comes back with whether one is being made. */
  async consider(file: File, rest: number, speed: number): Promise<boolean> {
    const now = performance.now();
    if (this.settled || this.over || this.finished || !this.tick?.checked || speed <= 0 || document.hidden || now - this.thought < between) return false;
    this.thought = now;
    if (rest / speed < 180) return false; // spare the code too
    try {
      this.code ??= await import("./small");
      if (this.seconds < 0) this.seconds = this.code.able() ? await this.code.lengthOf(file) : 0;
    } catch {
      return false; // the line is down: it is thought about again
    }
    if (this.seconds === 0) this.settled = true;
    if (this.settled || this.over || file !== this.file || !this.code.helps(this.seconds, rest, speed)) return false;
    void this.make(this.code, file);
    return true;
  }

  private async make(code: Small, file: File): Promise<void> {
    const over = new AbortController();
    this.over = over;
    const small = await code.make(file, over.signal);
    if (this.over !== over) return;
    this.over = null;
    this.finished = small;
    this.settled = small === null;
    if (small) this.made();
  }
}
