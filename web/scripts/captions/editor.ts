// The list of cues beside the player, in the place of the whole text.
import { below, compose, type Cue, joined, middle, readShift, readTime, replaced, shifted, split, writeTime } from "./cues";
import { type Kept, type Problem, Saving } from "./saving";

// The keys, with Alt and Shift: no single letters, which speech input and screen
// readers use, and none of those that they use with Alt or Ctrl alone.
const keys: Record<string, string> = {
  play: "P", start: "I", end: "F", split: "D", join: "U", add: "N", delete: "C", undo: "Z", redo: "Y", previous: "ArrowUp", next: "ArrowDown",
};
const signs: Record<string, string> = { ArrowUp: "↑", ArrowDown: "↓" };
const keysOff = "captions-keys-off";
const step = 100; // milliseconds that the arrows move a time by
const mostUndone = 200;

interface Moment {
  cues: Cue[];
  at: number;
}

const byID = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;

class Editor {
  private cues: Cue[];
  private at = 0;
  private caret = 0;
  private problems: Problem[] = [];
  private past: Moment[] = [];
  private future: Moment[] = [];
  private typing = -1; // the cue whose words are being typed, for undoing them as one
  private stopAt = Infinity;
  private track: TextTrack | undefined;
  private readonly list = byID<HTMLOListElement>("cues");
  private readonly form = byID<HTMLFormElement>("captions-text");
  private readonly film = document.getElementById("film") as HTMLVideoElement | null;
  private readonly words = byID("words").dataset;
  private readonly template = byID<HTMLTemplateElement>("cue-template");
  private readonly field = this.form.elements.namedItem("text") as HTMLTextAreaElement;
  private readonly saving: Saving;

  constructor(root: HTMLElement, cues: Cue[], problems: Problem[]) {
    this.cues = cues;
    this.problems = problems;
    this.saving = new Saving(this.form, root.dataset.key!, root.dataset.base!, cues, {
      state: (now, why) => this.state(now, why),
      kept: (answer) => this.kept(answer),
      meanwhile: () => { byID("meanwhile").hidden = false; },
    });
    this.field.readOnly = true;
    if (!this.field.hasAttribute("aria-invalid")) byID<HTMLDetailsElement>("whole-text").open = false;
    for (const id of ["tools", "more"]) byID(id).hidden = false;
    this.listen();
    this.draw();
    this.offerLeft();
  }

  private word(name: string, values: Record<string, string | number> = {}): string {
    return Object.entries(values).reduce((text, [key, value]) => text.replace(`{${key}}`, String(value)), this.words[name] ?? "");
  }

  private say(text: string): void {
    byID("said").textContent = text;
  }

  // Listening.

  private listen(): void {
    this.list.addEventListener("focusin", ({ target }) => this.came(target as HTMLElement));
    this.list.addEventListener("input", ({ target }) => this.typed(target as HTMLElement));
    this.list.addEventListener("change", ({ target }) => this.timed(target as HTMLElement));
    this.list.addEventListener("keydown", (event) => this.nudge(event));
    this.list.addEventListener("click", ({ target }) => {
      const play = (target as HTMLElement).closest("[data-play]");
      if (play) this.play(this.indexOf(play));
    });
    document.addEventListener("selectionchange", () => {
      const here = document.activeElement;
      if (here instanceof HTMLTextAreaElement && this.list.contains(here)) this.caret = here.selectionStart;
    });
    document.querySelectorAll<HTMLElement>("[data-do]").forEach((button) => button.addEventListener("click", () => this.run(button.dataset.do!)));
    byID("first").addEventListener("click", () => this.add());
    byID("shift").addEventListener("click", () => this.shift());
    this.listenKeys();
    this.listenForm();
    this.listenFilm();
    byID("meanwhile-mine").addEventListener("click", () => {
      byID("meanwhile").hidden = true;
      this.saving.insist();
    });
    byID("meanwhile-theirs").addEventListener("click", () => {
      this.saving.forget();
      location.reload();
    });
  }

  private listenKeys(): void {
    const box = byID<HTMLInputElement>("keys-on");
    try {
      box.checked = !localStorage.getItem(keysOff);
    } catch {
      // no storage: they are on
    }
    box.addEventListener("change", () => {
      try {
        if (box.checked) localStorage.removeItem(keysOff);
        else localStorage.setItem(keysOff, "yes");
      } catch {
        // no storage: until the page is left
      }
    });
    document.querySelectorAll<HTMLElement>("[data-key-of]").forEach((kbd) => {
      const key = keys[kbd.dataset.keyOf!]!;
      kbd.textContent = signs[key] ?? key;
    });
    document.addEventListener("keydown", (event) => {
      if (!box.checked || !event.altKey || !event.shiftKey || event.ctrlKey || event.metaKey) return;
      // Alt writes other letters on some keyboards: then the place of the key counts.
      const key = /^[a-z]$/i.test(event.key) ? event.key.toUpperCase() : event.code.replace(/^Key/, "");
      const what = Object.keys(keys).find((name) => keys[name] === key);
      if (!what) return;
      event.preventDefault();
      this.run(what);
    });
  }

  private listenForm(): void {
    this.form.querySelectorAll<HTMLButtonElement>("button[name=do]").forEach((button) => button.addEventListener("click", (event) => {
      event.preventDefault();
      if (button.value === "save") void this.saving.flush().then((done) => done && this.state("saved"));
      else if (button.value === "publish") void this.publish(button);
      else void this.mend(button.value);
    }));
  }

  private listenFilm(): void {
    const film = this.film;
    if (!film) return;
    this.track = film.addTextTrack("captions", "", this.field.lang);
    this.track.mode = "showing";
    film.addEventListener("timeupdate", () => {
      const now = film.currentTime * 1000;
      if (now >= this.stopAt) {
        film.pause();
        this.stopAt = Infinity;
      }
      [...this.list.children].forEach((item, i) => {
        const cue = this.cues[i]!;
        item.classList.toggle("cue-now", now >= cue.start && now < cue.end);
      });
    });
    film.addEventListener("seeking", () => {
      if (film.currentTime * 1000 >= this.stopAt) this.stopAt = Infinity;
    });
  }

  // Drawing.

  private draw(): void {
    const items = this.cues.map((cue, i) => this.item(cue, i));
    this.list.replaceChildren(...items);
    this.list.hidden = items.length === 0;
    byID("cues-none").hidden = items.length > 0;
    this.at = Math.max(0, Math.min(this.at, items.length - 1));
    this.mark();
    this.show();
    this.preview();
  }

  private item(cue: Cue, i: number): HTMLElement {
    const item = (this.template.content.cloneNode(true) as DocumentFragment).firstElementChild as HTMLElement;
    const name = this.word("textCue", { n: i + 1 });
    item.querySelector(".cue-number")!.textContent = String(i + 1);
    for (const input of item.querySelectorAll<HTMLInputElement>("[data-time]")) {
      input.value = writeTime(cue[input.dataset.time as "start" | "end"]);
      input.setAttribute("aria-label", `${input.parentElement!.textContent!.trim()}, ${name}`);
    }
    item.querySelector("[data-play] span")!.textContent = this.word("textPlay", { n: i + 1 });
    item.querySelector<HTMLElement>("[data-play]")!.hidden = !this.film;
    const text = item.querySelector("textarea")!;
    const label = item.querySelector<HTMLLabelElement>(":scope > label")!;
    text.id = `cue-${i}`;
    label.htmlFor = text.id;
    label.textContent = name;
    text.value = cue.text;
    text.rows = Math.max(2, cue.text.split("\n").length);
    return item;
  }

  private mark(): void {
    [...this.list.children].forEach((item, i) => item.classList.toggle("cue-here", i === this.at));
  }

  /** The captions as they will be, on the film. */
  private preview(): void {
    const track = this.track;
    this.field.value = compose(this.cues);
    if (!track) return;
    for (const cue of [...(track.cues ?? [])]) track.removeCue(cue);
    for (const cue of this.cues) {
      if (cue.end > cue.start && cue.text.trim()) track.addCue(new VTTCue(cue.start / 1000, cue.end / 1000, cue.text));
    }
  }

  /** What is the matter, at each cue and in the list of all. */
  private show(): void {
    const line = (p: Problem, where: boolean): HTMLLIElement => {
      const li = document.createElement("li");
      li.className = p.error ? "problem-error" : "problem-warning";
      const strong = document.createElement("strong");
      strong.textContent = this.word(p.error ? "textError" : "textWarning");
      const text = `${where ? `${this.word("textCueAt", { n: p.cue + 1, at: writeTime(this.cues[p.cue]?.start ?? 0) })}: ` : ""}${p.text}`;
      if (where) {
        const go = document.createElement("button");
        go.type = "button";
        go.className = "btn btn-link problem-go";
        go.textContent = text;
        go.addEventListener("click", () => this.focus(p.cue));
        li.append(strong, " ", go);
      } else {
        li.append(strong, ` ${text}`);
      }
      return li;
    };
    byID("problems").replaceChildren(...this.problems.map((p) => line(p, true)));
    byID("problems-none").hidden = this.problems.length > 0;
    [...this.list.children].forEach((item, i) => {
      const own = this.problems.filter((p) => p.cue === i);
      const list = item.querySelector(".cue-problems")!;
      list.replaceChildren(...own.map((p) => line(p, false)));
      list.id = `cue-${i}-problems`;
      const text = item.querySelector("textarea")!;
      text.toggleAttribute("aria-describedby", false);
      if (own.length > 0) text.setAttribute("aria-describedby", list.id);
      item.classList.toggle("cue-wrong", own.some((p) => p.error));
    });
  }

  private state(now: string, why?: string): void {
    const line = byID("saved");
    const time = new Date().toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
    const text = {
      saving: this.word("textSaving"), saved: this.word("textSaved", { time }), offline: this.word("textOffline"), signedOut: this.word("textSignedOut"), refused: why ?? "",
    }[now];
    if (line.textContent !== text) line.textContent = text ?? "";
    line.dataset.tone = now === "saving" || now === "saved" ? "" : "wrong";
  }

  private kept(answer: Kept): void {
    if (this.saving.unsaved) return; // about a text that is no longer there
    this.problems = answer.problems;
    this.form.querySelectorAll<HTMLButtonElement>("button[name=do]").forEach((button) => {
      if (button.value !== "save" && button.value !== "publish") button.hidden = !answer.mends.includes(button.value);
    });
    this.show();
  }

  // Where one is.

  private indexOf(element: Element): number {
    const item = element.closest(".cue");
    return item ? [...this.list.children].indexOf(item) : -1;
  }

  private text(i: number): HTMLTextAreaElement | null {
    return this.list.children[i]?.querySelector("textarea") ?? null;
  }

  private came(target: HTMLElement): void {
    const i = this.indexOf(target);
    if (i < 0) return;
    this.at = i;
    if (target instanceof HTMLTextAreaElement) this.caret = target.selectionStart;
    else this.caret = -1;
    if (this.typing !== i) this.typing = -1;
    this.mark();
  }

  private focus(i: number, caret?: number): void {
    const text = this.text(i);
    if (!text) return;
    text.focus();
    if (caret !== undefined) text.setSelectionRange(caret, caret);
  }

  // Changing.

  /** Notes what there was, for undoing. */
  private note(): void {
    this.past.push({ cues: this.cues.map((cue) => ({ ...cue })), at: this.at });
    if (this.past.length > mostUndone) this.past.shift();
    this.future = [];
  }

  private change(cues: Cue[], at: number, said: string): void {
    this.note();
    this.typing = -1;
    this.set(cues, at);
    this.say(said);
  }

  private set(cues: Cue[], at: number): void {
    this.cues = cues;
    this.at = at;
    this.problems = this.problems.filter((p) => p.cue < cues.length);
    this.draw();
    this.saving.changed(this.cues);
  }

  private typed(target: HTMLElement): void {
    if (!(target instanceof HTMLTextAreaElement)) return;
    const i = this.indexOf(target);
    if (this.typing !== i) {
      this.note();
      this.typing = i;
    }
    this.cues[i]!.text = target.value;
    target.rows = Math.max(2, target.value.split("\n").length);
    this.preview();
    this.saving.changed(this.cues);
  }

  private timed(target: HTMLElement): void {
    if (!(target instanceof HTMLInputElement)) return;
    const time = readTime(target.value);
    target.toggleAttribute("aria-invalid", time === undefined);
    if (time === undefined) {
      target.setAttribute("aria-invalid", "true");
      this.say(this.word("textBadTime"));
      this.state("refused", this.word("textBadTime"));
      return;
    }
    this.setTime(this.indexOf(target), target.dataset.time as "start" | "end", time);
  }

  private setTime(i: number, which: "start" | "end", time: number): void {
    this.note();
    this.typing = -1;
    this.cues[i]![which] = time;
    this.list.children[i]!.querySelector<HTMLInputElement>(`[data-time=${which}]`)!.value = writeTime(time);
    this.preview();
    this.saving.changed(this.cues);
  }

  /** The arrows move a time by a tenth of a second. */
  private nudge(event: KeyboardEvent): void {
    const target = event.target;
    if (!(target instanceof HTMLInputElement) || event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    const time = readTime(target.value);
    if (time === undefined) return;
    event.preventDefault();
    this.setTime(this.indexOf(target), target.dataset.time as "start" | "end", Math.max(0, time + (event.key === "ArrowUp" ? step : -step)));
  }

  private run(what: string): void {
    const cue = this.cues[this.at];
    switch (what) {
      case "undo": return this.back(this.past, this.future, "textDoneUndo");
      case "redo": return this.back(this.future, this.past, "textDoneRedo");
      case "add": return this.add();
    }
    if (!cue) return;
    switch (what) {
      case "play": return this.play(this.at);
      case "start":
      case "end": return this.here(what);
      case "split": return this.split(cue);
      case "join": return this.join(cue);
      case "delete": return this.delete();
      case "previous": return this.focus(this.at - 1);
      case "next": return this.focus(this.at + 1);
    }
  }

  private play(i: number): void {
    const cue = this.cues[i];
    if (!cue || !this.film) return;
    if (!this.film.paused && this.at === i && this.stopAt !== Infinity) {
      this.film.pause();
      return;
    }
    this.at = i;
    this.mark();
    this.film.currentTime = cue.start / 1000;
    this.stopAt = cue.end > cue.start ? cue.end : Infinity;
    void this.film.play().catch(() => undefined); // the browser says why it does not play
  }

  private here(which: "start" | "end"): void {
    if (!this.film) return;
    this.setTime(this.at, which, Math.round(this.film.currentTime * 1000));
    this.say(this.word(which === "start" ? "textDoneStart" : "textDoneEnd", { at: writeTime(this.cues[this.at]![which]) }));
  }

  private split(cue: Cue): void {
    const text = this.text(this.at);
    if (text && document.activeElement === text) this.caret = text.selectionStart; // news of it may still be on its way
    const inside = this.caret > 0 && this.caret < cue.text.length;
    const parts = split(cue, inside ? this.caret : middle(cue.text));
    if (!parts) return this.say(this.word("textNoSplit"));
    this.change(replaced(this.cues, this.at, 1, ...parts), this.at + 1, this.word("textDoneSplit"));
    this.focus(this.at, 0);
  }

  private join(cue: Cue): void {
    const next = this.cues[this.at + 1];
    if (!next) return this.say(this.word("textNoJoin"));
    this.change(replaced(this.cues, this.at, 2, joined(cue, next)), this.at, this.word("textDoneJoin"));
    this.focus(this.at, cue.text.length);
  }

  private add(): void {
    const at = this.cues.length === 0 ? 0 : this.at + 1;
    const cue = below(this.cues, this.cues.length === 0 ? -1 : this.at, (this.film?.currentTime ?? 0) * 1000);
    this.change(replaced(this.cues, at, 0, cue), at, this.word("textDoneAdd"));
    this.focus(at);
  }

  private delete(): void {
    const at = this.at;
    this.change(replaced(this.cues, at, 1), at, this.word("textDoneDelete", { n: at + 1 }));
    if (this.cues.length === 0) byID("first").focus();
    else this.focus(this.at);
  }

  private shift(): void {
    const field = byID<HTMLInputElement>("shift-by");
    const by = readShift(field.value);
    field.toggleAttribute("aria-invalid", false);
    if (by === undefined) {
      field.setAttribute("aria-invalid", "true");
      field.focus();
      return this.say(this.word("textBadTime"));
    }
    this.change(shifted(this.cues, by), this.at, this.word("textDoneShift"));
  }

  private back(from: Moment[], to: Moment[], said: string): void {
    const moment = from.pop();
    if (!moment) return this.say(this.word("textNothing"));
    to.push({ cues: this.cues, at: this.at });
    this.typing = -1;
    this.set(moment.cues, moment.at);
    this.focus(this.at);
    this.say(this.word(said));
  }

  private async mend(how: string): Promise<void> {
    const answer = await this.saving.mend(how);
    if (!answer?.cues) return;
    this.change(answer.cues, this.at, this.word("textDoneMend"));
    this.problems = answer.problems;
    this.show();
    this.focus(this.at);
  }

  /** Sends the form once the portal has the text and finds no error in it. */
  private async publish(button: HTMLButtonElement): Promise<void> {
    if (!this.form.reportValidity() || !(await this.saving.flush())) return;
    const errors = this.problems.filter((p) => p.error);
    if (errors.length > 0) {
      this.state("refused", this.word("textErrors", { n: errors.length }));
      return this.focus(errors[0]!.cue);
    }
    (this.form.elements.namedItem("base") as HTMLInputElement).value = this.saving.seen;
    this.saving.forget();
    this.form.requestSubmit(button);
  }

  /** Offers what an earlier visit could not save. */
  private offerLeft(): void {
    const left = this.saving.left();
    if (!left) return this.saving.forget();
    const box = byID("kept");
    box.hidden = false;
    byID("kept-take").addEventListener("click", () => {
      box.hidden = true;
      this.change(left, 0, "");
      this.focus(0);
    });
    byID("kept-drop").addEventListener("click", () => {
      box.hidden = true;
      this.saving.forget();
    });
  }
}

const root = document.querySelector<HTMLElement>("[data-editor]");
const known = JSON.parse(document.getElementById("cues-data")?.textContent ?? "{}") as { cues: Cue[] | null; problems: Problem[] };
if (root && known.cues) new Editor(root, known.cues, known.problems); // a text that cannot be read stays a text
