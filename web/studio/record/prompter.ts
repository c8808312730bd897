// The text to read, over the picture and near the camera. It moves only because
// somebody wants it to.
import { must, wordsOf } from "../form/words";

export class Prompter {
  private readonly box = must("prompter");
  private readonly text = must("prompter-text");
  private readonly own = must<HTMLTextAreaElement>("prompter-own");
  private readonly speed = must<HTMLInputElement>("prompter-speed");
  private readonly size = must<HTMLInputElement>("prompter-size");
  private readonly button = must<HTMLButtonElement>("prompter-move");
  private readonly words = wordsOf(this.button);
  private readonly still = matchMedia("(prefers-reduced-motion: reduce)");
  private moving = false;
  private last = 0;
  private at = 0;

  /** testimony names the text on this device. */
  constructor(testimony: string) {
    const key = (what: string): string => `voci.prompter.${what}`;
    this.own.value = recall(key(testimony)) ?? "";
    this.own.addEventListener("input", () => {
      keep(key(testimony), this.own.value);
      this.draw();
    });
    for (const slide of [this.speed, this.size]) {
      slide.value = recall(key(slide.id)) ?? slide.value;
      slide.addEventListener("input", () => {
        keep(key(slide.id), slide.value);
        this.draw();
      });
    }
    this.button.addEventListener("click", () => (this.moving ? this.halt() : this.go()));
    must("prompter-top").addEventListener("click", () => this.rewind());
    this.box.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 3, PageUp: -3 }[event.key];
      if (!step) return;
      event.preventDefault();
      this.box.scrollTop += step * this.line;
    });
    for (const take of document.querySelectorAll<HTMLButtonElement>("[data-prompts]")) {
      take.hidden = false;
      take.addEventListener("click", () => {
        const lines = [...(take.closest("section")?.querySelectorAll("li") ?? [])].map((one) => one.textContent?.trim() ?? "");
        this.own.value = [this.own.value.trim(), ...lines].filter(Boolean).join("\n\n");
        this.own.dispatchEvent(new Event("input"));
        this.own.closest("details")?.setAttribute("open", "");
        this.own.focus();
      });
    }
    this.draw();
  }

  get empty(): boolean {
    return this.own.value.trim() === "";
  }

  /** Recording begins: the text moves, unless somebody wants nothing to. */
  begin(): void {
    this.rewind();
    if (!this.still.matches) this.go();
  }

  halt(): void {
    this.moving = false;
    this.button.textContent = this.words("go");
  }

  go(): void {
    if (this.moving || this.empty) return;
    this.moving = true;
    this.button.textContent = this.words("halt");
    this.last = performance.now();
    this.at = this.box.scrollTop;
    requestAnimationFrame(this.step);
  }

  private readonly step = (now: number): void => {
    if (!this.moving) return;
    // Somebody may have moved it by hand.
    if (Math.abs(this.at - this.box.scrollTop) > 2) this.at = this.box.scrollTop;
    this.at += ((now - this.last) / 1000) * this.line * (Number(this.speed.value) / 10);
    this.last = now;
    this.box.scrollTop = this.at;
    if (this.box.scrollTop + this.box.clientHeight >= this.box.scrollHeight - 1) return this.halt();
    requestAnimationFrame(this.step);
  };

  private rewind(): void {
    this.at = this.box.scrollTop = 0;
  }

  private get line(): number {
    return parseFloat(getComputedStyle(this.text).lineHeight) || 32;
  }

  private draw(): void {
    this.text.textContent = this.own.value;
    this.box.hidden = this.empty;
    this.box.dataset.size = this.size.value;
    must("prompter-controls").hidden = this.empty;
  }
}

function recall(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // it is there until the page closes
  }
}
