// Sends the video over tus and does not give up: the portal knows how much has
// arrived, and is asked whenever this side does not know. Every way to fail ends
// in going on by itself, or in a sentence that says what to do.
import type { DetailedError, Upload } from "tus-js-client";
import type { Draft } from "./draft";
import { type Panel, percentOf } from "./panel";
import { type Arriving, editable, Refusal, type Standing, standing } from "./portal";

type Tus = typeof Upload;

// How one try to send ended.
type Outcome =
  | { kind: "done" }
  | { kind: "stopped" }
  | { kind: "broken" } // nobody knows what arrived
  | { kind: "answer"; method: string; status: number; text: string };

// What to do after a try.
type Verdict = { go: "on"; wait: boolean; busy?: boolean; word?: string } | { go: "arrived" } | { go: "refused"; text: string; again?: boolean };

// Bytes of one request. Proxies in front of a portal often take a request in
// whole before they pass it on; at this size that is no loss, and at most as
// much would be sent twice.
const piece = 32 * 1024 * 1024;
// Milliseconds without a byte moving after which a line is dead: a little more
// than the portal's own patience.
const silence = 75_000;
// Seconds before trying again; the last one stays.
const waits = [1, 2, 4, 8, 15, 30];

export class Sending {
  private file: File | null = null;
  private earlier: File | null = null; // the one that was being sent before another was chosen
  private url: string | null = null;
  private offset = 0; // that the portal has
  private shown = 0; // that the panel shows
  private turn = 0; // grows when what runs must stop
  private stop: (() => void) | null = null;
  private poke: (() => void) | null = null;
  private offered: Arriving | null = null;
  private lock: WakeLockSentinel | null = null;
  private active = false;
  private before = 0; // the file that the portal had when this one was chosen
  private whenKnown: (() => void)[] = [];

  constructor(
    private readonly tus: Tus,
    private readonly endpoint: string,
    private readonly limit: number,
    private readonly draft: Draft,
    private readonly panel: Panel,
    private readonly events: { began: () => void; arrived: (now: Standing) => void; idle: () => void },
  ) {
    panel.on("pause", () => void this.pause());
    panel.on("resume", () => (this.poke ? this.poke() : void this.run()));
    panel.on("again", () => (this.offered ? void this.replace() : this.file ? void this.choose(this.file) : this.reset()));
    panel.on("keep", () => void this.keep());
    panel.on("replace", () => void this.replace());
    panel.on("cancel", () => void this.cancel());
    window.addEventListener("online", () => this.poke?.());
    window.addEventListener("offline", () => this.stop?.());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      this.poke?.();
      if (this.active) void this.stayAwake();
    });
  }

  /** Is a file on its way, also if it waits for the line? */
  get busy(): boolean {
    return this.active;
  }

  /** Comes back once the portal knows that a file is coming, or none is. */
  known(): Promise<void> {
    if (!this.active || this.url) return Promise.resolve();
    return new Promise((resolve) => this.whenKnown.push(resolve));
  }

  private tellKnown(): void {
    for (const tell of this.whenKnown.splice(0)) tell();
  }

  /** Sends a file, or goes on with it where it was. */
  async choose(file: File): Promise<void> {
    const turn = this.halt();
    const words = this.panel.words;
    if (file.size === 0) return this.refuse(words("empty"));
    if (file.size > this.limit) return this.refuse(words("tooLarge"));
    if (this.file && this.file !== file) this.earlier = this.file;
    this.file = file;
    this.offered = null;
    this.begin();
    this.panel.show("preparing", words("preparing"));
    this.panel.restart(0, file.size);
    const now = await this.prepared(turn);
    if (!now || turn !== this.turn) return;
    if (!editable(now.state)) return this.refuse(words("closed"));
    this.before = now.video_id;
    if (now.arriving && !same(file, now.arriving)) return this.offer(file, now.arriving);
    this.adopt(now.arriving);
    await this.run();
  }

  /** The draft is there and the portal has said what arrived; both for as long as it takes. */
  private async prepared(turn: number): Promise<Standing | null> {
    for (let tries = 0; turn === this.turn; tries++) {
      try {
        if (!this.draft.id) await this.draft.save();
        return await standing(this.draft.address);
      } catch (error) {
        if (turn !== this.turn) return null;
        if (error instanceof Refusal) {
          this.refuse(error.status === 401 ? this.panel.words("signedOut") : error.message, error.status >= 500);
          return null;
        }
        await this.wait(tries, false);
      }
    }
    return null;
  }

  private adopt(arriving: Arriving | null): void {
    this.url = arriving ? this.endpoint + arriving.id : null;
    this.offset = arriving?.offset ?? 0;
    this.shown = this.offset;
    if (this.url) this.tellKnown();
  }

  /** Tries until all has arrived or the portal says no. */
  private async run(): Promise<void> {
    const file = this.file;
    if (!file) return;
    const turn = this.halt();
    this.begin();
    void this.stayAwake();
    let word = this.resumed(file);
    for (let tries = 0; ; ) {
      const before = this.offset;
      this.showSending(word);
      const outcome = await this.attempt(file);
      if (turn !== this.turn) return;
      const verdict = await this.judge(file, outcome);
      if (turn !== this.turn) return;
      if (this.offset > before) tries = 0;
      switch (verdict.go) {
        case "arrived":
          return this.finish(turn);
        case "refused":
          return this.refuse(verdict.text, verdict.again);
        case "on":
          word = verdict.word ?? "";
          // What ends the same way twice without a byte moving is not hurried.
          if (verdict.wait || tries > 0) await this.wait(tries, verdict.busy ?? false);
          tries++;
          if (turn !== this.turn) return;
      }
    }
  }

  /** Sends until it ends one way or another; never throws. */
  private attempt(file: File): Promise<Outcome> {
    if (!navigator.onLine) return Promise.resolve({ kind: "broken" });
    return new Promise((resolve) => {
      let alive = performance.now();
      const settle = (outcome: Outcome) => {
        window.clearInterval(watch);
        this.stop = null;
        resolve(outcome);
      };
      const upload = new this.tus(file, {
        // With an endpoint tus-js-client would begin anew whenever the portal
        // does not answer to HEAD as it likes; that is decided here.
        ...(this.url ? { uploadUrl: this.url } : { endpoint: this.endpoint }),
        metadata: { testimony: String(this.draft.id), filename: file.name, filetype: file.type },
        chunkSize: piece,
        retryDelays: null,
        storeFingerprintForResuming: false,
        onUploadUrlAvailable: () => {
          this.url = this.endpoint + (upload.url ?? "").split("/").pop();
          upload.url = this.url; // in the page's language, for the sentences
          this.tellKnown();
        },
        onProgress: (sent) => {
          alive = performance.now();
          this.progress(sent, file.size);
        },
        onChunkComplete: (_, accepted) => (this.offset = accepted),
        onSuccess: () => settle({ kind: "done" }),
        onError: (error) => settle(outcomeOf(error)),
      });
      const end = (outcome: Outcome) => {
        void upload.abort();
        settle(outcome);
      };
      const watch = window.setInterval(() => {
        if (performance.now() - alive > silence) end({ kind: "broken" });
      }, 5_000);
      this.stop = () => end({ kind: "broken" });
      upload.start();
    });
  }

  private progress(sent: number, size: number): void {
    if (sent < this.shown) {
      // What had left this device had not all arrived: say so, do not jump.
      this.offset = this.shown = sent;
      if (this.file) this.showSending(this.resumed(this.file));
    }
    this.shown = sent;
    this.panel.progress(sent, size);
    if (sent >= size) this.panel.show("sending", this.panel.words("finishing"), { buttons: ["pause"] });
  }

  private resumed(file: File): string {
    return this.offset > 0 ? this.panel.words("resumed", { percent: percentOf(this.offset, file.size) }) : "";
  }

  private showSending(more: string): void {
    this.panel.show("sending", this.panel.words("sending"), { more, buttons: ["pause"] });
    if (this.file) this.panel.restart(this.shown, this.file.size);
  }

  /** What an outcome means. What is not known is asked of the portal first. */
  private async judge(file: File, outcome: Outcome): Promise<Verdict> {
    const words = this.panel.words;
    if (outcome.kind === "done") return { go: "arrived" };
    if (outcome.kind === "answer") {
      const { method, status, text } = outcome;
      if (status === 401) return { go: "refused", text: words("signedOut") };
      if (status === 423 || status === 408 || status === 429 || (status >= 500 && status !== 507)) return { go: "on", wait: true, busy: true };
      const moved = status === 409 || status === 404 || status === 410;
      if (!moved || method === "POST") return { go: "refused", text: text || words("broken"), again: status !== 413 && status !== 415 };
    } else if (!(await readable(file, this.offset))) {
      return { go: "refused", text: words("unreadable") };
    }
    let now: Standing;
    try {
      now = await standing(this.draft.address);
    } catch (error) {
      if (error instanceof Refusal && error.status === 401) return { go: "refused", text: words("signedOut") };
      return { go: "on", wait: true };
    }
    return this.compare(file, outcome, now);
  }

  /** After an unknown outcome: what does the portal have? */
  private compare(file: File, outcome: Outcome, now: Standing): Verdict {
    const lost = outcome.kind === "answer" && outcome.status !== 409;
    if (now.arriving && same(file, now.arriving)) {
      const other = this.url !== this.endpoint + now.arriving.id;
      this.adopt(now.arriving);
      return { go: "on", wait: !(lost && other), word: this.resumed(file) };
    }
    const fresh = now.video !== "" && now.video_id !== this.before;
    if (fresh && now.bytes === file.size && sameName(file.name, now.filename)) return { go: "arrived" };
    if (!editable(now.state)) return { go: "refused", text: this.panel.words("closed") };
    if (!this.url || now.arriving) return { go: "on", wait: true };
    this.adopt(null);
    return { go: "on", wait: !lost, word: this.panel.words("restarted") };
  }

  /** Waits before the next try, shorter if the line comes back or somebody looks. */
  private async wait(tries: number, busy: boolean): Promise<void> {
    const words = this.panel.words;
    const turn = this.turn;
    const seconds = waits[Math.min(tries, waits.length - 1)] ?? 30;
    const until = performance.now() + seconds * (900 + 200 * Math.random());
    let poked = false;
    const text = (left: number) => (!navigator.onLine ? words("offline") : words(busy ? "busy" : "waiting", { n: left }));
    this.panel.show("waiting", text(seconds), { tone: "wait", buttons: ["resume", "cancel"] });
    for (let left = seconds; !poked && turn === this.turn && performance.now() < until; left--) {
      this.panel.count(text(Math.max(left, 1)));
      await new Promise<void>((resolve) => {
        const timer = window.setTimeout(resolve, Math.min(1000, Math.max(0, until - performance.now())));
        this.poke = () => {
          poked = true;
          window.clearTimeout(timer);
          resolve();
        };
      });
    }
    this.poke = null;
  }

  /** Stops until somebody says to go on, and says how much has arrived, not how much has left. */
  private async pause(): Promise<void> {
    const turn = this.halt();
    const size = this.file?.size ?? 0;
    const show = () => {
      this.panel.restart(this.shown, size);
      this.panel.show("paused", this.panel.words("paused", { percent: percentOf(this.shown, size) }), {
        tone: "wait",
        buttons: ["resume", "cancel"],
      });
    };
    show();
    try {
      const now = await standing(this.draft.address);
      if (turn !== this.turn || !this.file || !now.arriving || !same(this.file, now.arriving)) return;
      this.adopt(now.arriving);
      show();
    } catch {
      // The line is down: it is asked when sending goes on.
    }
  }

  /** Something else was being sent before: which of the two is it to be? */
  private offer(file: File, arriving: Arriving): void {
    const words = this.panel.words;
    this.offered = arriving;
    const alike = arriving.size === file.size;
    this.panel.label("keep", alike ? words("same", { percent: Number(arriving.percent) }) : words("keep"));
    this.panel.show("choice", words("other", { name: arriving.filename, percent: Number(arriving.percent) }), {
      tone: "wait",
      more: words("otherDo", { chosen: file.name }),
      buttons: ["keep", "replace"],
      bar: false,
    });
  }

  private async keep(): Promise<void> {
    const arriving = this.offered;
    if (!arriving || !this.file) return;
    this.offered = null;
    if (arriving.size !== this.file.size) this.file = this.earlier && same(this.earlier, arriving) ? this.earlier : null;
    if (!this.file) {
      this.end();
      this.panel.show("pick", this.panel.words("pick", { name: arriving.filename, percent: Number(arriving.percent) }), { bar: false });
      this.events.idle();
      return;
    }
    this.adopt(arriving);
    await this.run();
  }

  private async replace(): Promise<void> {
    const arriving = this.offered;
    if (!arriving || !this.file) return;
    const turn = this.halt();
    this.panel.show("preparing", this.panel.words("preparing"));
    const gone = await this.giveUp(this.endpoint + arriving.id);
    if (turn !== this.turn) return;
    if (!gone) {
      this.panel.show("refused", this.panel.words("broken"), { tone: "wrong", buttons: ["again", "keep"], bar: false });
      return;
    }
    this.offered = null;
    this.adopt(null);
    await this.run();
  }

  private async cancel(): Promise<void> {
    const url = this.url;
    this.halt();
    if (url && !(await this.giveUp(url))) {
      this.panel.show("refused", this.panel.words("broken"), { tone: "wrong", buttons: ["resume", "cancel"], bar: false });
      return;
    }
    this.adopt(null);
    this.reset();
    this.events.idle();
  }

  /** Has the portal forget an upload; also true if it has none, or has it whole. */
  private async giveUp(url: string): Promise<boolean> {
    try {
      await this.tus.terminate(url, { retryDelays: [1000, 3000] });
      return true;
    } catch (error) {
      const status = (error as DetailedError).originalResponse?.getStatus() ?? 0;
      return status === 404 || status === 410 || status === 409;
    }
  }

  private async finish(turn: number): Promise<void> {
    const words = this.panel.words;
    this.panel.show("finishing", words("finishing"), { tone: "done" });
    const now = await this.prepared(turn);
    if (!now || turn !== this.turn) return;
    this.end();
    this.file = this.earlier = null;
    this.adopt(null);
    this.panel.show("checking", words("checking"), { tone: "done" });
    this.events.arrived(now);
  }

  private refuse(text: string, again = false): void {
    this.end();
    this.panel.show("refused", this.panel.words("refused"), { tone: "wrong", more: text, buttons: again ? ["again"] : [], bar: false });
    if (!again) this.events.idle();
  }

  private reset(): void {
    this.end();
    this.file = this.earlier = null;
    this.panel.hide();
  }

  private begin(): void {
    this.active = true;
    this.events.began();
  }

  private end(): void {
    this.active = false;
    this.tellKnown();
    void this.lock?.release().catch(() => undefined);
    this.lock = null;
  }

  /** Ends what runs; what comes back is the number of the new turn. */
  private halt(): number {
    this.turn++;
    this.stop?.();
    this.poke?.();
    this.poke = null;
    return this.turn;
  }

  /** A phone that falls asleep stops sending. Not every browser can be asked. */
  private async stayAwake(): Promise<void> {
    try {
      if (!this.lock || this.lock.released) this.lock = await navigator.wakeLock?.request("screen");
    } catch {
      // low battery, or not allowed: sending goes on all the same
    }
  }
}

function outcomeOf(error: Error | DetailedError): Outcome {
  const response = "originalResponse" in error ? error.originalResponse : null;
  if (!response || response.getStatus() === 0) return { kind: "broken" };
  const method = ("originalRequest" in error && error.originalRequest?.getMethod()) || "";
  const plain = (response.getHeader("Content-Type") ?? "").startsWith("text/plain");
  return { kind: "answer", method, status: response.getStatus(), text: plain ? response.getBody().trim() : "" };
}

/** Can this device still read the file? Phones take permissions back. */
async function readable(file: File, offset: number): Promise<boolean> {
  try {
    await file.slice(offset, offset + 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/** Is it the file that began to arrive? To the byte as large, and called alike. */
function same(file: File, arriving: Arriving): boolean {
  return file.size === arriving.size && sameName(file.name, arriving.filename);
}

/** The portal tidies names up and shortens long ones: see upload.CleanName. */
function sameName(ours: string, portals: string): boolean {
  const tidy = ours.normalize("NFC").replace(/\s+/g, " ").replace(/^[. ]+|[. ]+$/g, "");
  const [start, end] = portals.split("…");
  return tidy === portals || (end !== undefined && tidy.length > portals.length && tidy.startsWith(start ?? "") && tidy.endsWith(end));
}
