// What is written saves itself as a draft on the portal. Until the portal has it,
// it is also kept on this device.
import { compose, type Cue } from "./cues";

// Milliseconds: after the last key, and before trying again when the line is down.
const pause = 700;
const again = 5_000;
// Bytes that a browser sends after its page is gone: https://fetch.spec.whatwg.org/#http-network-or-cache-fetch
const mostAfterwards = 60_000;

export interface Problem {
  cue: number;
  kind: string;
  text: string;
  error: boolean;
}

/** What the portal says of a text that it kept. */
export interface Kept {
  base: string;
  problems: Problem[];
  mends: string[];
  cues?: Cue[];
}

export interface Listener {
  state(now: "saving" | "saved" | "offline" | "signedOut" | "refused", why?: string): void;
  kept(answer: Kept): void;
  meanwhile(): void;
}

export class Saving {
  private timer: number | undefined;
  private queue: Promise<unknown> = Promise.resolve();
  private stopped = false;
  private sent: string;
  private readonly mark = crypto.getRandomValues(new Uint32Array(2)).join("-");

  constructor(
    private readonly form: HTMLFormElement,
    private readonly key: string,
    private base: string,
    private cues: Cue[],
    private readonly listener: Listener,
  ) {
    this.sent = compose(cues);
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") void this.flush(true);
    });
    window.addEventListener("online", () => void this.flush());
  }

  get unsaved(): boolean {
    return compose(this.cues) !== this.sent;
  }

  /** What did not reach the portal, from an earlier visit. */
  left(): Cue[] | undefined {
    try {
      const left = JSON.parse(localStorage.getItem(this.key) ?? "null") as { cues: Cue[] } | null;
      if (!left || compose(left.cues) === this.sent) return undefined;
      return left.cues;
    } catch {
      return undefined; // no storage, or not ours
    }
  }

  forget(): void {
    try {
      localStorage.removeItem(this.key);
    } catch {
      // no storage: nothing is kept
    }
  }

  changed(cues: Cue[]): void {
    this.cues = cues;
    try {
      localStorage.setItem(this.key, JSON.stringify({ cues }));
    } catch {
      // no storage, or full: the portal keeps it anyway
    }
    if (this.stopped) return;
    this.listener.state("saving");
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.flush(), pause);
  }

  /** Goes on over what somebody else wrote. */
  insist(): void {
    this.stopped = false;
    this.sent = "";
    void this.flush();
  }

  /** Sends what there is; resolves when the portal has it, or cannot. */
  flush(afterwards = false): Promise<boolean> {
    window.clearTimeout(this.timer);
    return this.then(async () => (this.unsaved ? (await this.send("save", afterwards)) !== undefined : !this.stopped));
  }

  /** Has the portal mend the text. */
  mend(how: string): Promise<Kept | undefined> {
    window.clearTimeout(this.timer);
    return this.then(() => this.send(how, false));
  }

  /** What marks the text that the portal has. */
  get seen(): string {
    return this.base;
  }

  private then<T>(work: () => Promise<T>): Promise<T> {
    const next = this.queue.then(work, work);
    this.queue = next.catch(() => undefined);
    return next;
  }

  private async send(how: string, afterwards: boolean): Promise<Kept | undefined> {
    if (this.stopped) return undefined;
    const text = compose(this.cues);
    const body = new FormData();
    for (const [name, value] of [["text", text], ["base", this.base], ["page", this.mark], ["do", how]] as const) body.append(name, value);
    let answer: Response;
    try {
      answer = await fetch(this.form.action, {
        method: "POST", body, headers: { Accept: "application/json" }, keepalive: afterwards && text.length < mostAfterwards,
      });
    } catch {
      return this.later();
    }
    if (answer.status >= 500 || answer.status === 408 || answer.status === 429) return this.later();
    if (answer.status === 401 || answer.status === 403) return this.refused("signedOut");
    const said = (await answer.json().catch(() => ({}))) as Kept & { why?: string; meanwhile?: boolean };
    if (answer.ok) {
      this.base = said.base;
      this.sent = text;
      if (!this.unsaved) {
        this.forget();
        this.listener.state("saved");
      }
      this.listener.kept(said);
      return said;
    }
    if (said.meanwhile) {
      this.base = said.base;
      this.stopped = true;
      this.listener.meanwhile();
      return undefined;
    }
    return this.refused("refused", said.why);
  }

  private later(): undefined {
    this.listener.state("offline");
    this.timer = window.setTimeout(() => void this.flush(), again);
    return undefined;
  }

  private refused(state: "signedOut" | "refused", why?: string): undefined {
    if (state === "signedOut") this.timer = window.setTimeout(() => void this.flush(), again * 6);
    this.listener.state(state, why);
    return undefined;
  }
}
