// A recording that this device keeps: one that was accepted goes on its way,
// another is offered. It is deleted here only when the portal says that it has
// the whole file.
import { handOver, has } from "../record/handover";
import { fileOf, forget, kept, put, type Take } from "../record/takes";
import { clock } from "../record/time";
import { drop } from "../record/wire";
import type { Draft } from "./draft";
import { Refusal, type Standing, standing } from "./portal";
import { must, wordsOf } from "./words";

export class Recorded {
  private take: Take | null = null;
  private readonly box = must("take");
  private readonly what = must("take-what");
  private readonly buttons = must("take-do");
  private readonly words = wordsOf(this.box);

  constructor(
    private readonly draft: Draft,
    private readonly endpoint: string,
    private readonly cover: () => void, // what the page says of a file on its way is said better
  ) {
    must("take-drop").addEventListener("click", () => void this.drop());
  }

  /** The file to send now, null if there is none; whole says that the portal has it already. */
  async begin(whole: () => void): Promise<File | null> {
    const take = (this.take = await kept(this.draft.id).catch(() => null));
    if (!take) return null;
    if (await this.had(take)) return null;
    if (take.state !== "accepted") {
      this.say("found", true);
      return null;
    }
    try {
      const file = await fileOf(take);
      this.cover();
      this.say("handing");
      const all = await handOver(take, this.endpoint, this.draft.address, () => this.say("waiting"));
      this.box.hidden = true;
      if (!all) return file;
      whole();
      await forget(take);
    } catch (error) {
      this.say(error instanceof Refusal ? "refused" : "gone", true);
      if (error instanceof Refusal && error.message) this.what.textContent += " " + error.message;
    }
    return null;
  }

  /** Did it arrive without this page knowing? */
  private async had(take: Take): Promise<boolean> {
    try {
      if (!has(await standing(this.draft.address), take)) return false;
      await forget(take);
      return true;
    } catch {
      return false; // the line is down: it is asked again
    }
  }

  /** The portal has a whole file. */
  async arrived(now: Standing): Promise<void> {
    if (this.take && has(now, this.take)) await forget(this.take);
  }

  /** Sending ended without the file: it is offered again. */
  idle(): void {
    if (!this.take) return;
    this.take.state = "ended";
    void put(this.take);
    this.say("found", true);
  }

  private say(word: string, buttons = false): void {
    this.what.textContent = this.words(word, { time: clock((this.take?.ms ?? 0) / 1000) });
    this.buttons.hidden = !buttons;
    this.box.hidden = false;
  }

  private async drop(): Promise<void> {
    const { take } = this;
    this.take = null;
    this.box.hidden = true;
    if (!take) return;
    await forget(take);
    if (take.upload) await drop(this.endpoint + take.upload).catch(() => undefined); // it expires by itself
  }
}
