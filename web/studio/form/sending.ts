// Sends the video over tus and does not give up: the portal knows how much has
// arrived, and is asked whenever this side does not know. Every way to fail ends
// in going on by itself, or in a sentence that says what to do.
import type { DetailedError } from "tus-js-client";
import { type Attempt, attempt, type Outcome, type Tus } from "./attempt";
import { Maker } from "./maker";
import { Network, remember, remembered } from "./network";
import { type Panel, percentOf } from "./panel";
import { type Arriving, Refusal, type Standing, standing } from "./portal";
import { Turn } from "./turn";
import { day } from "./words";

/** What a file is sent for: a draft that saves itself, or what staff have already. */
export interface Said {
  readonly id: number; // 0 before the first save
  readonly address: string; // in the page's language
  save(): Promise<unknown>;
}

// What to do after a try.
type Verdict = { go: "on"; wait: boolean; busy?: boolean; word?: string } | { go: "arrived" } | { go: "refused"; text: string; again?: boolean };

// Seconds before trying again; the last one stays.
const waits = [1, 2, 4, 8, 15, 30];
// Milliseconds after which a page that was away looks whether bytes move.
const wake = 3_000;
// Milliseconds that a try must have lasted, with bytes moving, for the next to
// begin at once.
const lively = 3_000;
// Times that a small version is tried in a row without a byte of it arriving.
const smallTries = 4;

export class Sending {
  private file: File | null = null;
  private earlier: File | null = null; // the one that was being sent before another was chosen
  private url: string | null = null;
  private offset = 0; // that the portal has
  private shown = 0; // that the panel shows
  private turn = 0; // grows when what runs must stop
  private current: Attempt | null = null;
  private poke: (() => void) | null = null;
  private offered: Arriving | null = null;
  private lock: WakeLockSentinel | null = null;
  private active = false;
  private before = 0; // the file that the portal had when this one was chosen
  private whenKnown: (() => void)[] = [];
  private insisted: File | null = null; // to be sent although it has come already
  private outside = false; // signed out: it goes on once somebody is in again
  private readonly network = new Network(() => this.networkChanged());
  private readonly turns = new Turn(() => this.elsewhere());
  private readonly maker = new Maker(() => this.current?.stop());

  constructor(
    private readonly tus: Tus,
    private readonly endpoint: string,
    private readonly limit: number,
    private readonly draft: Said,
    private readonly panel: Panel,
    private readonly events: { began: () => void; arrived: (now: Standing) => void; idle: () => void; small: () => void },
  ) {
    panel.on("mobile", () => this.network.allow());
    panel.on("here", () => this.turns.steal());
    panel.on("insist", () => {
      this.insisted = this.file;
      if (this.file) void this.choose(this.file);
    });
    panel.on("pause", () => void this.pause());
    panel.on("resume", () => (this.poke ? this.poke() : void this.run()));
    panel.on("again", () => (this.offered ? void this.replace() : this.file ? void this.choose(this.file) : this.reset()));
    panel.on("keep", () => void this.keep());
    panel.on("replace", () => void this.replace());
    panel.on("cancel", () => void this.cancel());
    window.addEventListener("online", () => this.poke?.());
    window.addEventListener("offline", () => this.current?.stop());
    document.addEventListener("visibilitychange", () => (document.hidden ? this.away() : this.back()));
  }

  /** Nobody looks: say where one reads it, for a phone may soon stop everything. */
  private away(): void {
    if (this.active) this.panel.background(true);
  }

  /** Somebody looks again: what a sleeping phone has let die is not waited for. */
  private back(): void {
    this.panel.background(false);
    if (this.outside && this.file) return void this.choose(this.file);
    this.poke?.();
    if (!this.active) return;
    void this.stayAwake();
    const attempt = this.current;
    window.setTimeout(() => {
      if (!attempt || attempt !== this.current || attempt.still() < wake) return;
      this.panel.note("back", this.panel.words("back"));
      attempt.stop();
    }, wake);
  }

  /** Another tab sends now: this one waits for its turn. */
  private elsewhere(): void {
    if (this.active && this.file) void this.choose(this.file);
  }

  private networkChanged(): void {
    if (this.network.allowed) this.poke?.();
    else this.current?.stop();
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
    this.outside = false;
    this.maker.drop(file);
    this.begin();
    this.panel.show("preparing", words("preparing"));
    this.panel.restart(0, file.size);
    let now = await this.prepared(turn);
    if (!now || turn !== this.turn) return;
    if (!this.turns.held && !(await this.turns.take(this.draft.id))) {
      this.panel.show("elsewhere", words("elsewhere"), { tone: "wait", buttons: ["here", "cancel"], bar: false });
      await this.turns.wait();
      if (turn !== this.turn) return;
      now = await this.prepared(turn);
      if (!now || turn !== this.turn) return;
      if (now.video_id !== this.before && has(now, file)) return this.finish(turn); // by the other tab
    }
    if (!now.arriving && has(now, file) && this.insisted !== file) return this.already();
    if (!now.takes) return this.refuse(words("closed"));
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
          if (error.status === 401) this.signedOut();
          else this.refuse(error.message, error.status >= 500);
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
    this.panel.used = this.url ? Number(remembered(usedKey(this.url))) || 0 : 0;
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
      await this.overAllowedNetwork(turn);
      if (turn === this.turn && this.maker.ready && this.url) await this.sendSmall(file, turn);
      if (turn !== this.turn) return;
      const before = this.offset;
      const used = this.panel.used;
      const begun = performance.now();
      this.showSending(word);
      const outcome = await this.attempt(file);
      if (turn !== this.turn) return;
      word = "";
      // A line that lets bytes through and breaks now and then is used without
      // delay: a try begins by asking the portal how much it has. Some browsers
      // repeat what broke by themselves, and hear that it has come already.
      const went = this.panel.used > used && performance.now() - begun > lively;
      const broke = outcome.kind === "broken" || (outcome.kind === "answer" && outcome.status === 409);
      if (broke && went && this.url && navigator.onLine && (await readable(file, this.offset))) {
        tries = 0;
        continue;
      }
      const verdict = await this.judge(file, outcome);
      if (turn !== this.turn) return;
      const moved = this.offset > before;
      if (moved) tries = 0;
      switch (verdict.go) {
        case "arrived":
          return this.finish(turn);
        case "refused":
          return this.refuse(verdict.text, verdict.again);
        case "on":
          word = verdict.word ?? "";
          // What ends the same way twice without a byte moving is not hurried.
          if (verdict.busy || (verdict.wait && !moved) || tries > 0) await this.wait(tries, verdict.busy ?? false, verdict.word);
          tries++;
          if (turn !== this.turn) return;
      }
    }
  }

  /** Waits for a network that the person wants to use. */
  private async overAllowedNetwork(turn: number): Promise<void> {
    while (!this.network.allowed && turn === this.turn) {
      this.panel.show("wifi", this.panel.words("wifi"), { tone: "wait", buttons: ["mobile", "cancel"] });
      await new Promise<void>((resolve) => (this.poke = resolve));
    }
    this.poke = null;
  }

  /** Sends until it ends one way or another; never throws. */
  private async attempt(file: File): Promise<Outcome> {
    if (!navigator.onLine) return { kind: "broken" };
    this.current = attempt(this.tus, {
      blob: file,
      endpoint: this.endpoint,
      url: this.url,
      metadata: { testimony: String(this.draft.id), filename: file.name, filetype: file.type },
      known: (url) => {
        this.url = url;
        this.tellKnown();
      },
      progress: (sent, fresh) => this.progress(file, sent, fresh),
      accepted: (bytes) => (this.offset = bytes),
      arrived: () => this.portalHas(),
    });
    const outcome = await this.current.end;
    this.current = null;
    return outcome;
  }

  private async portalHas(): Promise<number | null> {
    try {
      return (await standing(this.draft.address)).arriving?.offset ?? null;
    } catch {
      return null;
    }
  }

  private progress(file: File, sent: number, fresh: number): void {
    this.spend(fresh);
    this.panel.note("back", "");
    if (sent < this.shown) {
      // What had left this device had not all arrived: say so, do not jump.
      this.offset = this.shown = sent;
      this.showSending(this.resumed(file));
    }
    this.shown = sent;
    this.panel.progress(sent, file.size);
    if (sent >= file.size) this.panel.show("sending", this.panel.words("finishing"), { buttons: ["pause"] });
    void this.maker.consider(file, file.size - sent, this.panel.speed).then((making) => {
      if (making) this.panel.note("small", this.panel.words("making"));
    });
  }

  /** Counts what left this device, also what is sent twice, and over several visits. */
  private spend(bytes: number): void {
    this.panel.used += bytes;
    if (this.url) remember(usedKey(this.url), String(Math.round(this.panel.used)));
  }

  /**
   * Sends the small version while the film waits. If that does not come off it is
   * left at that: the film is what counts.
   */
  private async sendSmall(file: File, turn: number): Promise<void> {
    const blob = this.maker.ready;
    let url: string | null = null;
    let offset = 0;
    for (let tries = 0; blob && tries < smallTries; tries++) {
      await this.overAllowedNetwork(turn);
      if (turn !== this.turn) return;
      this.panel.note("small", "");
      this.panel.show("small", this.panel.words("small"), { buttons: ["pause"] });
      this.panel.restart(offset, blob.size);
      const before = offset;
      this.current = attempt(this.tus, {
        blob,
        endpoint: this.endpoint,
        url,
        metadata: { testimony: String(this.draft.id), filename: blob.name, filetype: blob.type, version: "small", whole: String(file.size) },
        known: (address) => (url = address),
        progress: (sent, fresh) => {
          this.spend(fresh);
          this.panel.progress(sent, blob.size);
        },
        accepted: (bytes) => (offset = bytes),
        arrived: () => Promise.resolve(null),
      });
      const outcome = await this.current.end;
      this.current = null;
      if (turn !== this.turn) return; // paused: it is tried again when sending goes on
      if (outcome.kind === "done") {
        this.panel.note("small", this.panel.words("smallThere"));
        this.events.small();
        break;
      }
      if (outcome.kind === "answer" && outcome.status < 500 && ![408, 423, 429].includes(outcome.status)) break; // not wanted any more
      if (offset > before) tries = 0;
      await this.wait(tries, false);
      if (turn !== this.turn) return;
    }
    this.maker.done();
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
      if (status === 401) return this.signedOut();
      if (status === 423) return { go: "on", wait: true, busy: true, word: text };
      if (status === 408 || status === 429 || (status >= 500 && status !== 507)) return { go: "on", wait: true, busy: true };
      const moved = status === 409 || status === 404 || status === 410;
      if (!moved || method === "POST") return { go: "refused", text: text || words("broken"), again: status !== 413 && status !== 415 };
    } else if (!(await readable(file, this.offset))) {
      return { go: "refused", text: words("unreadable") };
    }
    let now: Standing;
    try {
      now = await standing(this.draft.address);
    } catch (error) {
      if (error instanceof Refusal && error.status === 401) return this.signedOut();
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
    if (now.video_id !== this.before && has(now, file)) return { go: "arrived" };
    if (!now.takes) return { go: "refused", text: this.panel.words("closed") };
    if (!this.url || now.arriving) return { go: "on", wait: true };
    this.adopt(null);
    return { go: "on", wait: !lost, word: this.panel.words("restarted") };
  }

  /** Waits before the next try, shorter if the line comes back or somebody looks. */
  private async wait(tries: number, busy: boolean, more = ""): Promise<void> {
    const words = this.panel.words;
    const turn = this.turn;
    const seconds = waits[Math.min(tries, waits.length - 1)] ?? 30;
    const until = performance.now() + seconds * (900 + 200 * Math.random());
    let poked = false;
    const text = (left: number) => (!navigator.onLine ? words("offline") : words(busy ? "busy" : "waiting", { n: left }));
    this.panel.show("waiting", text(seconds), { tone: "wait", more, buttons: ["resume", "cancel"] });
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
    let until = "";
    const show = () => {
      this.panel.restart(this.shown, size);
      this.panel.show("paused", this.panel.words("paused", { percent: percentOf(this.shown, size) }), {
        tone: "wait",
        more: until && this.panel.words("kept", { until }),
        buttons: ["resume", "cancel"],
      });
    };
    show();
    try {
      const now = await standing(this.draft.address);
      if (turn !== this.turn || !this.file || !now.arriving || !same(this.file, now.arriving)) return;
      this.adopt(now.arriving);
      until = day(new Date(now.arriving.until));
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
    if (this.url) remember(usedKey(this.url), null);
    this.maker.drop(null);
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

  /** The portal has this very file. */
  private already(): void {
    this.end();
    this.panel.show("already", this.panel.words("already"), { tone: "done", more: this.panel.words("alreadyDo"), buttons: ["insist"], bar: false });
    this.events.idle();
  }

  /** Once somebody is in again, also by a new link in another tab, it goes on. */
  private signedOut(): Verdict {
    this.outside = true;
    const text = this.panel.words("signedOut");
    this.refuse(text, true);
    return { go: "refused", text, again: true };
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
    this.turns.leave();
    this.tellKnown();
    void this.lock?.release().catch(() => undefined);
    this.lock = null;
  }

  /** Ends what runs; what comes back is the number of the new turn. */
  private halt(): number {
    this.turn++;
    this.current?.stop();
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

/** Is it the file that the portal has whole? */
function has(now: Standing, file: File): boolean {
  return (now.video === "checking" || now.video === "ready") && now.bytes === file.size && sameName(file.name, now.filename);
}

/** Where what an upload cost so far is kept on this device. */
const usedKey = (url: string): string => `voci.used.${url.split("/").pop() ?? ""}`;

/** The portal tidies names up and shortens long ones: see upload.CleanName. */
function sameName(ours: string, portals: string): boolean {
  const tidy = ours.normalize("NFC").replace(/\s+/g, " ").replace(/^[. ]+|[. ]+$/g, "");
  const [start, end] = portals.split("…");
  return tidy === portals || (end !== undefined && tidy.length > portals.length && tidy.startsWith(start ?? "") && tidy.endsWith(end));
}
