// The draft saves itself. What has not reached the portal yet is also kept on
// this device, and forgotten as soon as it has.
import { type Saved, post, Refusal } from "./portal";
import { moment, type Words } from "./words";

// Milliseconds: after the last key, at most while somebody goes on typing, and
// before trying again when the line is down.
const pause = 1_200;
const longest = 10_000;
const again = 5_000;

type Values = [string, string][];

/** The values of each field, by its name. */
type Fields = Map<string, string[]>;

const lines = (text: string): string => text.replaceAll("\r\n", "\n");

function byName(values: Values): Fields {
  const fields: Fields = new Map();
  for (const [name, value] of values) fields.set(name, [...(fields.get(name) ?? []), lines(value)]);
  return fields;
}

/** The fields that differ, each with all its values: an empty one where none is left. */
function changed(before: Fields, now: Fields): Values {
  const values: Values = [];
  for (const name of new Set([...before.keys(), ...now.keys()])) {
    const those = now.get(name) ?? [];
    if (JSON.stringify(those) === JSON.stringify(before.get(name) ?? [])) continue;
    for (const value of those.length > 0 ? those : [""]) values.push([name, value]);
  }
  return values;
}

export class Draft {
  private dirty = false;
  private since = 0;
  private timer: number | undefined;
  private queue: Promise<unknown> = Promise.resolve();
  private closed = false; // it cannot be changed any more
  private known: Fields; // what the portal has, as far as this page knows
  private theirs: boolean; // somebody was faster: what is here is kept only when whoever wrote it says so

  constructor(
    private readonly form: HTMLFormElement,
    private readonly line: HTMLElement,
    private readonly words: Words,
    private readonly saved: (answer: Saved) => void,
    private readonly refused: () => void,
  ) {
    this.known = this.written();
    this.theirs = this.dirty = form.dataset.meanwhile !== undefined;
    for (const kind of ["input", "change"]) {
      form.addEventListener(kind, ({ target }) => {
        if (!(target instanceof HTMLInputElement && target.type === "file")) this.touch();
      });
    }
    document.addEventListener("visibilitychange", () => this.flush());
    window.addEventListener("pagehide", () => this.flush());
    window.addEventListener("online", () => this.flush());
  }

  /** 0 before the first save. */
  get id(): number {
    return Number(this.form.dataset.id);
  }

  /** Where it is, in the page's language. */
  get address(): string {
    return this.form.action;
  }

  /** Is there anything that the portal does not have? */
  get unsaved(): boolean {
    return this.dirty && !this.closed;
  }

  /** It cannot be changed any more. */
  close(): void {
    this.closed = true;
  }

  private touch(): void {
    if (this.closed) return;
    this.dirty = true;
    this.since ||= Date.now();
    if (this.line.dataset.tone !== "wrong") this.say(this.words("saving"));
    keep(this.key, this.values());
    if (this.theirs) return;
    this.later(Math.max(0, Math.min(pause, this.since + longest - Date.now())));
  }

  private later(wait: number): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.flush(), wait);
  }

  private flush(): void {
    if (this.unsaved && !this.theirs) this.save().catch(() => undefined); // the line has said why
  }

  /** Saves what is in the form now. */
  save(): Promise<Saved> {
    return this.send(false);
  }

  /** Saves, and asks for review. */
  ask(): Promise<Saved> {
    return this.send(true);
  }

  /** Sends one after the other: two first saves would make two drafts. */
  private send(asking: boolean): Promise<Saved> {
    const sent = this.queue.then(() => this.sendNow(asking));
    this.queue = sent.catch(() => undefined);
    return sent;
  }

  private async sendNow(asking: boolean): Promise<Saved> {
    window.clearTimeout(this.timer);
    this.say(this.words(asking ? "submitting" : "saving"));
    const now = byName(this.values());
    this.dirty = false;
    this.since = 0;
    const address = new URL(this.address);
    let values = this.values();
    if (this.theirs) {
      values.push(["version", this.version.value]);
    } else if (this.id) {
      // Only what was changed here: another tab, or a colleague, may have
      // changed the rest.
      values = changed(this.known, now);
      address.searchParams.set("parte", "1");
      values.push(["version", this.version.value]);
    }
    for (const { name } of this.form.querySelectorAll<HTMLInputElement>("input[type=hidden]")) {
      if (name !== "version" && !values.some(([one]) => one === name)) values.push([name, ""]); // a question that was put, answered or not
    }
    if (asking) address.searchParams.set("poi", "invia");
    try {
      const answer = await post(address.href, new URLSearchParams(values));
      this.known = now;
      this.theirs = false;
      this.version.value = String(answer.version);
      if (!this.dirty) forget(this.key);
      this.moveTo(answer);
      if (this.dirty) keep(this.key, this.values());
      this.say(this.words("saved", { time: moment(new Date(answer.saved_at)) }));
      this.saved(answer);
      return answer;
    } catch (error) {
      this.dirty = true;
      this.failed(error, asking);
      throw error;
    }
  }

  private failed(error: unknown, asking: boolean): void {
    if (error instanceof Refusal) {
      this.closed = error.status === 409;
      this.say(`${this.words("refused")} ${error.message}`, true);
      if (this.closed) this.refused();
      else this.later(12 * again); // signed in again elsewhere, perhaps
      return;
    }
    this.say(this.words(asking ? "notSent" : "offline"), true);
    this.later(again);
  }

  /** A first save gives the draft its address, also for whoever reloads. */
  private moveTo(answer: Saved): void {
    if (this.id) return;
    this.form.dataset.id = String(answer.id);
    this.form.setAttribute("action", answer.address);
    for (const button of this.form.querySelectorAll<HTMLButtonElement>("button[formaction]")) {
      button.setAttribute("formaction", answer.address + "?poi=" + (new URL(button.formAction).searchParams.get("poi") ?? ""));
    }
    history.replaceState(null, "", answer.address);
    forget(this.keyOf("new"));
  }

  /** Screen readers hear what is wrong, not each time that all is well. */
  private say(text: string, wrong = false): void {
    this.line.setAttribute("aria-live", wrong ? "polite" : "off");
    this.line.textContent = text;
    this.line.dataset.tone = wrong ? "wrong" : "";
  }

  /** The form as the portal wrote it, whatever the browser has put into it since. */
  private written(): Fields {
    const values: Values = [];
    for (const control of this.form.elements) {
      if (control instanceof HTMLSelectElement) {
        const chosen = [...control.options].find((option) => option.defaultSelected) ?? control.options[0];
        if (chosen) values.push([control.name, chosen.value]);
      } else if (control instanceof HTMLTextAreaElement) {
        values.push([control.name, control.defaultValue]);
      } else if (control instanceof HTMLInputElement && control.name && control.type !== "file" && control !== this.version) {
        const box = control.type === "checkbox" || control.type === "radio";
        if (!box || control.defaultChecked) values.push([control.name, box ? control.value : control.defaultValue]);
      }
    }
    return byName(values);
  }

  private values(): Values {
    const values: Values = [];
    for (const [name, value] of new FormData(this.form)) {
      if (typeof value === "string" && name !== "version") values.push([name, value]);
    }
    return values;
  }

  /** The version that the page knows, which the whole form says. */
  private get version(): HTMLInputElement {
    return this.form.elements.namedItem("version") as HTMLInputElement;
  }

  private get key(): string {
    return this.keyOf(this.id || "new");
  }

  private keyOf(id: number | string): string {
    return keyOf(this.form.dataset.municipality ?? "", id);
  }

  /** What was typed here and did not reach the portal, if it is not in the form. */
  kept(): { at: Date; take: () => void; drop: () => void } | null {
    const found = recall(this.key);
    if (!found) return null;
    if (JSON.stringify(found.values) === JSON.stringify(this.values())) {
      forget(this.key);
      return null;
    }
    return { at: new Date(found.at), take: () => this.fill(found.values), drop: () => forget(this.key) };
  }

  private fill(values: Values): void {
    for (const control of this.form.elements) {
      if (control instanceof HTMLInputElement && (control.type === "checkbox" || control.type === "radio")) {
        control.disabled = false;
        control.checked = values.some(([name, value]) => name === control.name && value === control.value);
        control.dispatchEvent(new Event("change", { bubbles: true }));
      } else if (control instanceof HTMLInputElement || control instanceof HTMLTextAreaElement || control instanceof HTMLSelectElement) {
        const found = values.find(([name]) => name === control.name);
        if (!found || control.type === "file") continue;
        control.value = found[1];
        control.dispatchEvent(new Event("input", { bubbles: true }));
      }
    }
  }
}

function keyOf(municipality: string, id: number | string): string {
  return `voci.draft.${municipality}.${id}`;
}

/** Has this device a text of a testimony that the portal has not? */
export function keeps(municipality: string, id: string): boolean {
  return recall(keyOf(municipality, id)) !== null;
}

// Two weeks, as long as the portal keeps an upload.
const life = 14 * 24 * 60 * 60 * 1000;

// A browser may refuse to keep anything; then there is one safety less.
function keep(key: string, values: Values): void {
  try {
    localStorage.setItem(key, JSON.stringify({ at: Date.now(), values }));
  } catch {
    // nothing to be done
  }
}

function recall(key: string): { at: number; values: Values } | null {
  try {
    const found = JSON.parse(localStorage.getItem(key) ?? "null") as { at: number; values: Values } | null;
    if (found && Date.now() - found.at < life) return found;
    localStorage.removeItem(key);
  } catch {
    // as if there were nothing
  }
  return null;
}

function forget(key: string): void {
  try {
    localStorage.removeItem(key);
  } catch {
    // it was never kept
  }
}
