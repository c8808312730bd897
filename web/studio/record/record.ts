// The page that records a testimony: camera, countdown, recording, review. What
// is recorded is on this device before anything else happens to it.
import { bytes, must, wordsOf } from "../form/words";
import { Refusal } from "../form/portal";
import { Camera, type Trouble } from "./camera";
import { InMemory, type Store, store } from "./device";
import { handOver } from "./handover";
import { Level } from "./level";
import { Live } from "./live";
import { Prompter } from "./prompter";
import { type Broken, ending, kind, Recorder } from "./recorder";
import { fileOf, forget, hold, kept, put, type Take } from "./takes";
import { clock } from "./time";
import { Trimmer } from "./trimmer";
import { drop } from "./wire";

type State = "off" | "ready" | "counting" | "recording" | "paused" | "saving" | "review" | "sending";

// Seconds after which people stop listening: said, never forced.
const advice = 180;
// Milliseconds by which a clock may be wrong without a word.
const exact = 5 * 60_000;
// Free bytes below which the room is told, and bytes that a second takes.
const tight = 200_000_000;
const second = 330_000;

class Page {
  private readonly words;
  private readonly preview = must<HTMLVideoElement>("preview");
  private readonly film = must<HTMLVideoElement>("film");
  private readonly status = must("record-status");
  private readonly trouble = must("record-trouble");
  private readonly camera;
  private readonly level = new Level();
  private readonly prompter;
  private readonly trimmer = new Trimmer(this.film);
  private readonly skew: number; // of the portal's clock to this one
  private state: State = "off";
  private recorder: Recorder | null = null;
  private live: Live | null = null;
  private take: Take | null = null; // the one that can be reviewed
  private device: Store | null = null;
  private file: File | null = null;
  private address = ""; // of the film, in this page
  private free = (): void => undefined; // lets other tabs have the take
  private lock: WakeLockSentinel | null = null;
  private timer = 0;
  private asking = false; // the browser asks for permission
  private leaving = false;

  constructor(
    private readonly root: HTMLElement,
    private readonly type: string,
  ) {
    this.words = wordsOf(root);
    this.skew = Date.parse(root.dataset.now ?? "") - Date.now() || 0;
    this.prompter = new Prompter(root.dataset.testimony ?? "");
    this.camera = new Camera(
      (stream) => this.shows(stream),
      () => void this.lost(),
      (why) => this.refused(why),
    );
    const on = (id: string, press: () => unknown): void => must(id).addEventListener("click", () => void press());
    on("record-on", () => this.turnOn());
    on("record-start", () => this.count());
    on("record-cancel", () => this.cancel());
    on("record-pause", () => this.pause());
    on("record-resume", () => this.resume());
    on("record-stop", () => this.stop());
    on("record-use", () => this.use());
    on("record-again", () => this.again());
    on("record-back", () => this.review());
    on("record-copy", () => this.copy());
    on("record-drop", () => this.drop());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.state === "counting") this.cancel();
    });
    document.addEventListener("visibilitychange", () => this.looked());
    window.addEventListener("beforeunload", (event) => {
      const unsafe = ["recording", "paused", "saving", "sending"].includes(this.state) || (this.take !== null && this.device?.place === "memory");
      if (unsafe && !this.leaving) event.preventDefault();
    });
    window.addEventListener("pagehide", () => this.camera.close());
    for (const change of ["resize", "orientationchange"]) window.addEventListener(change, () => this.hint());
  }

  async begin(): Promise<void> {
    this.root.hidden = false;
    if (Math.abs(this.skew) > exact) {
      const hours = Math.abs(this.skew) / 3_600_000;
      must("record-clock").textContent = this.words("clock", { off: hours < 1 ? this.words("minutes", { n: Math.round(hours * 60) }) : this.words("hours", { n: Math.round(hours) }) });
      must("record-clock").hidden = false;
    }
    const saver = (navigator as { connection?: { saveData?: boolean } }).connection?.saveData === true;
    if (saver) must<HTMLInputElement>("live-now").checked = false;
    this.show("off", "off");
    await this.room();
    const found = await kept(this.testimony).catch(() => null);
    if (!found || this.state !== "off") return;
    this.take = found;
    this.file = await fileOf(found).catch(() => null);
    if (!this.file) return;
    found.state = "ended"; // whoever comes here wants to look at it first
    await put(found).catch(() => undefined);
    this.sendOn(found);
    await this.review(this.words("found", { time: clock(found.ms / 1000) }));
  }

  private get testimony(): number {
    return Number(this.root.dataset.testimony);
  }

  /** Shows what belongs to a state, and says what it is. */
  private show(state: State, word: string, more = ""): void {
    this.state = state;
    this.root.dataset.state = state;
    const focused = document.activeElement;
    for (const part of document.querySelectorAll<HTMLElement>("[data-when]")) {
      // Drawings have no property for it.
      part.toggleAttribute("hidden", !part.dataset.when?.split(" ").includes(state) || (part.id === "record-back" && !this.take));
    }
    // What a screen reader said now would be in the recording.
    this.status.setAttribute("aria-live", state === "recording" ? "off" : "polite");
    this.status.textContent = more || (word ? this.words(word) : "");
    if (focused instanceof HTMLElement && this.root.contains(focused) && focused.offsetParent === null) {
      this.root.querySelector<HTMLElement>(".record-buttons button:not([hidden]).btn-primary")?.focus({ preventScroll: true });
    }
    if (state === "ready" || state === "review") this.root.scrollIntoView({ block: "nearest" });
  }

  private say(word: string, values: Record<string, string | number> = {}): void {
    this.trouble.textContent = word ? this.words(word, values) : "";
    this.trouble.hidden = !word;
  }

  /** How much room this device has, told when it is little. */
  private async room(): Promise<void> {
    try {
      const { quota = 0, usage = 0 } = await navigator.storage.estimate();
      const left = quota - usage;
      if (quota > 0 && left < tight) this.say("tight", { n: Math.max(0, Math.floor(left / second / 60)) });
    } catch {
      // nobody knows
    }
  }

  private async turnOn(): Promise<void> {
    if (this.asking) return; // pressed twice
    this.asking = true;
    this.say("");
    this.status.textContent = this.words("asking");
    if (await this.camera.open()) this.show("ready", "ready");
    this.asking = false;
  }

  private shows(stream: MediaStream): void {
    this.preview.srcObject = stream;
    void this.preview.play().catch(() => undefined);
    this.level.start(stream);
    this.preview.addEventListener("resize", () => this.hint());
    this.hint();
    const track = stream.getAudioTracks()[0];
    track?.addEventListener("mute", () => {
      if (this.state === "recording" && this.camera.stream === stream) {
        this.pause();
        this.say("muted");
      }
    });
  }

  private hint(): void {
    must("record-turn").hidden = !(this.preview.videoHeight > this.preview.videoWidth);
  }

  private refused(why: Trouble): void {
    this.camera.close();
    this.level.stop();
    this.say(why || "unable");
    this.show("off", "off");
  }

  /** Camera or microphone went away, as when a call comes in. */
  private async lost(): Promise<void> {
    if (this.state === "saving" || this.state === "review") return; // the other of the two went away with it
    this.say("lost");
    if (this.state === "recording" || this.state === "paused") await this.stop();
    else if (this.state === "ready" || this.state === "counting") {
      this.cancelTimer();
      this.camera.close();
      this.level.stop();
      this.show("off", "off");
    }
  }

  private count(): void {
    this.say("");
    this.show("counting", "counting");
    const number = must("countdown");
    let left = 3;
    const tick = (): void => {
      number.textContent = String(left);
      if (left-- > 0) this.timer = window.setTimeout(tick, 1_000);
      else void this.record();
    };
    tick();
  }

  private cancel(): void {
    this.cancelTimer();
    this.show("ready", "ready");
  }

  private cancelTimer(): void {
    window.clearTimeout(this.timer);
    window.clearInterval(this.timer);
  }

  private async record(): Promise<void> {
    const { stream } = this.camera;
    if (!stream) return;
    await this.dropTake(); // a new take takes the place of the one before
    const at = Date.now() + this.skew;
    const stamp = new Date(at).toISOString();
    const take: Take = {
      id: crypto.randomUUID(), testimony: this.testimony, name: `registrazione-${stamp.slice(0, 10)}-${stamp.slice(11, 19).replaceAll(":", "")}${ending(this.type)}`,
      type: this.type, at, ms: 0, bytes: 0, upload: "", state: "recording", from: 0, to: 0, place: "files",
    };
    const device = (this.device = await this.keep(take));
    this.free = hold(take.id);
    this.take = take;
    try {
      this.recorder = new Recorder(stream, take, device, () => this.live?.more(), (why) => void this.broken(why));
      this.recorder.start();
    } catch {
      this.free();
      await this.dropTake();
      return this.refused("unable");
    }
    must("record-sent").textContent = "";
    this.sendOn(take);
    void this.stayAwake();
    this.show("recording", "recording");
    this.prompter.begin();
    this.ticks();
  }

  /** Where a take is kept: on the device, or with a warning only here. */
  private async keep(take: Take): Promise<Store> {
    const device = await store(this.root.dataset.worker ?? "", take.id);
    if (device.place !== "memory") {
      try {
        await put({ ...take, place: device.place });
        take.place = device.place;
        return device;
      } catch {
        await device.close(0).catch(() => undefined);
        await forget({ ...take, place: device.place }).catch(() => undefined);
      }
    }
    this.say("memory");
    return new InMemory();
  }

  /** Sends what is there, and what will be. */
  private sendOn(take: Take, always = this.device?.place === "memory"): void {
    if (!must<HTMLInputElement>("live-now").checked && !always) return;
    // Once the recording has ended its file is read, before that what is written.
    const read = async (from: number, to: number): Promise<Blob> => {
      if (this.file) return this.file.slice(from, to);
      if (!this.device) throw new Error("nothing to read");
      return this.device.read(from, to);
    };
    const begun = (): void => {
      if (this.device?.place !== "memory") void put({ ...take }).catch(() => undefined);
    };
    this.live = new Live(this.root.dataset.endpoint ?? "", take, read, begun, () => this.told());
    this.live.start();
    this.told();
  }

  private told(): void {
    const { live, take } = this;
    if (!live || !take || take.bytes === 0) return;
    must("record-sent").textContent = live.refused
      ? this.words("liveRefused", { why: live.refused })
      : this.words("live", { sent: bytes(live.sent), size: bytes(take.bytes) });
  }

  private ticks(): void {
    const time = must("record-time");
    const long = must("record-long");
    const most = Number(this.root.dataset.minutes) * 60 - 5;
    long.hidden = true;
    const draw = (): void => {
      const seconds = (this.recorder?.ms ?? 0) / 1000;
      time.textContent = clock(seconds);
      time.setAttribute("datetime", `PT${Math.floor(seconds)}S`);
      if (seconds >= advice) long.hidden = false;
      const big = (this.take?.bytes ?? 0) > Number(this.root.dataset.bytes) - 10 * second;
      if ((seconds >= most || big) && this.state === "recording") {
        this.say("limit");
        void this.stop();
      }
      this.told();
    };
    draw();
    this.timer = window.setInterval(draw, 250);
  }

  private pause(): void {
    this.recorder?.pause();
    this.prompter.halt();
    this.show("paused", "paused");
  }

  private resume(): void {
    this.say("");
    this.recorder?.resume();
    void this.stayAwake();
    this.show("recording", "recording");
  }

  private async stop(): Promise<void> {
    const { recorder, take } = this;
    if (!recorder || !take) return;
    this.recorder = null;
    this.cancelTimer();
    this.prompter.halt();
    this.show("saving", "saving");
    await recorder.stop();
    this.free();
    this.camera.close();
    this.level.stop();
    this.preview.srcObject = null;
    void this.lock?.release().catch(() => undefined);
    if (take.bytes === 0) {
      await this.dropTake();
      if (this.trouble.hidden) this.say("nothing");
      return this.show("off", "off");
    }
    this.file = await this.fileOf(take);
    this.live?.more();
    await this.review();
  }

  private async fileOf(take: Take): Promise<File> {
    if (this.device?.place !== "memory") return fileOf(take);
    return new File([await this.device.read(0, take.bytes)], take.name, { type: take.type });
  }

  private async broken(why: Broken): Promise<void> {
    this.say(why, { time: clock((this.take?.ms ?? 0) / 1000) });
    await this.stop();
  }

  private async review(word = ""): Promise<void> {
    const { take, file } = this;
    if (!take || !file) return;
    this.cancelTimer();
    this.camera.close();
    this.level.stop();
    this.show("review", "review", word);
    this.told();
    URL.revokeObjectURL(this.address);
    this.film.src = this.address = URL.createObjectURL(file);
    this.trimmer.begin(take.ms / 1000, take.from, take.to); // as measured, until the film knows
    this.trimmer.begin(await lengthOf(this.film, take.ms / 1000), take.from, take.to);
    const button = must("record-use");
    if (document.activeElement === document.body) button.focus({ preventScroll: true });
  }

  private async again(): Promise<void> {
    this.film.pause();
    await this.turnOn();
  }

  private copy(): void {
    const { file } = this;
    if (!file) return;
    const link = document.createElement("a");
    link.href = this.address;
    link.download = file.name;
    link.click();
  }

  /** Throws the take away, here and at the portal. */
  private async dropTake(): Promise<void> {
    const { take, live } = this;
    this.take = this.file = this.live = null;
    this.film.removeAttribute("src");
    this.film.load();
    if (!take) return;
    // The line must not hold the next take up.
    if (live) void live.discard();
    else if (take.upload) void drop((this.root.dataset.endpoint ?? "") + take.upload).catch(() => undefined); // it expires by itself
    await forget(take).catch(() => undefined);
  }

  private async drop(): Promise<void> {
    await this.dropTake();
    this.say("");
    this.show("off", "dropped");
  }

  /** This is the one: it goes on its way, from here or from the form. */
  private async use(): Promise<void> {
    const { take } = this;
    if (!take) return;
    this.film.pause();
    this.say("");
    ({ from: take.from, to: take.to } = this.trimmer.chosen);
    take.state = "accepted";
    this.show("sending", "sending");
    try {
      const noted = this.device?.place !== "memory" && (await put(take).then(() => true, () => false));
      if (noted) await this.live?.stop();
      else await this.sendFromHere(take);
      this.leaving = true;
      location.assign(`${this.root.dataset.back}#video`);
    } catch (error) {
      take.state = "ended";
      this.show("review", "review");
      this.trouble.textContent = (error instanceof Refusal && error.message) || this.words("storage", { time: clock(take.ms / 1000) });
      this.trouble.hidden = false;
    }
  }

  /** This device keeps nothing more: the form would not know what to do with it. */
  private async sendFromHere(take: Take): Promise<void> {
    if (!this.live) this.sendOn(take, true);
    const { live } = this;
    while (live && live.sent < take.bytes) {
      if (live.refused) throw new Refusal(409, live.refused);
      await new Promise((done) => setTimeout(done, 500));
    }
    await live?.stop();
    const whole = await handOver(take, this.root.dataset.endpoint ?? "", this.root.dataset.back ?? "", () => this.show("sending", "waiting"));
    if (!whole) throw new Error("the portal has not all of it");
    if (this.device?.place !== "memory") await forget(take).catch(() => undefined);
  }

  /** A page that nobody looks at gets no pictures: the recording waits. */
  private looked(): void {
    if (document.hidden && this.state === "recording") {
      this.pause();
      this.say("slept");
    }
    if (!document.hidden && this.state === "recording") void this.stayAwake();
  }

  private async stayAwake(): Promise<void> {
    try {
      if (!this.lock || this.lock.released) this.lock = await navigator.wakeLock?.request("screen");
    } catch {
      // low battery, or not allowed: it records all the same
    }
  }
}

/** How long a film plays. Browsers do not write it into what they record, and know it once they have been at the end. */
async function lengthOf(film: HTMLVideoElement, measured: number): Promise<number> {
  const event = (name: string): Promise<unknown> =>
    Promise.race([new Promise((done) => film.addEventListener(name, done, { once: true })), new Promise((done) => setTimeout(done, 5_000))]);
  if (film.readyState < HTMLMediaElement.HAVE_METADATA) await event("loadedmetadata");
  if (!Number.isFinite(film.duration)) {
    const known = event("durationchange");
    film.currentTime = 1e7;
    await known;
    film.currentTime = 0;
  }
  return Number.isFinite(film.duration) && film.duration > 0 ? film.duration : measured;
}

const root = document.getElementById("recorder");
if (root) {
  const type = kind();
  if (type) void new Page(root, type).begin();
  else must("record-unable").hidden = false;
}
