// One recording: every second a chunk goes to the device, and only what is safe
// there counts.
import { Boundary } from "./boundary";
import type { Store } from "./device";
import { put, type Take } from "./takes";

// What is asked of the browser: 720p at 30 frames, with a picture that stands by
// itself every two seconds where it can be asked for, so that the portal can cut
// without encoding anew.
const options = { videoBitsPerSecond: 2_500_000, audioBitsPerSecond: 128_000 };
// MP4 comes in fragments, from one such picture to the next: a second is as much
// as may be lost.
const keys = (type: string): number => (type.startsWith("video/mp4") ? 1_000 : 2_000); // milliseconds
const slice = 1_000; // milliseconds

const kinds = [
  "video/webm;codecs=vp9,opus",
  "video/mp4;codecs=avc1.42E01E,mp4a.40.2",
  "video/mp4",
  "video/webm;codecs=vp8,opus",
  "video/webm",
];

/** The best kind of file that this browser records; undefined if it records none. */
export function kind(): string | undefined {
  if (!("MediaRecorder" in window) || !navigator.mediaDevices?.getUserMedia) return undefined;
  return kinds.find((one) => MediaRecorder.isTypeSupported(one));
}

/** The end of a file's name. */
export const ending = (type: string): string => (type.startsWith("video/mp4") ? ".mp4" : ".webm");

export type Broken = "full" | "storage" | "recorder";

export class Recorder {
  private readonly recorder: MediaRecorder;
  private readonly boundary = new Boundary();
  private queue: Promise<void> = Promise.resolve();
  private broken: Broken | "" = "";
  private before = 0; // milliseconds recorded until the last pause
  private since = 0; // when it went on; 0 while it does not

  constructor(
    stream: MediaStream,
    readonly take: Take,
    private readonly store: Store,
    private readonly grown: () => void,
    private readonly failed: (why: Broken) => void,
  ) {
    const wanted = { mimeType: take.type, ...options, videoKeyFrameIntervalDuration: keys(take.type) };
    this.recorder = new MediaRecorder(stream, wanted);
    this.recorder.addEventListener("dataavailable", ({ data }) => {
      const ms = this.ms;
      this.queue = this.queue.then(() => this.keep(data, ms));
    });
    this.recorder.addEventListener("error", () => this.fail("recorder"));
  }

  /** Milliseconds recorded so far. */
  get ms(): number {
    return this.before + (this.since ? performance.now() - this.since : 0);
  }

  get recording(): boolean {
    return this.recorder.state === "recording";
  }

  start(): void {
    this.recorder.start(slice);
    this.since = performance.now();
  }

  pause(): void {
    if (!this.recording) return;
    this.recorder.pause();
    this.before = this.ms;
    this.since = 0;
  }

  resume(): void {
    if (this.recorder.state !== "paused") return;
    this.recorder.resume();
    this.since = performance.now();
  }

  /** Ends, and comes back when all of it is on the device. */
  async stop(): Promise<void> {
    this.before = this.ms;
    this.since = 0;
    if (this.recorder.state !== "inactive") {
      const ended = new Promise((resolve) => this.recorder.addEventListener("stop", resolve, { once: true }));
      this.recorder.stop();
      await ended;
    }
    await this.queue;
    await this.store.close(this.take.bytes).catch(() => undefined); // the bytes are safe all the same
    if (!this.broken) this.take.ms = this.before;
    this.take.state = "ended";
    await this.note().catch(() => undefined); // a full device may not even take that
  }

  private async keep(data: Blob, ms: number): Promise<void> {
    if (data.size === 0 || this.broken) return;
    try {
      const bytes = await data.arrayBuffer();
      const copy = this.store.place === "files" ? bytes.slice(0) : bytes; // the worker takes it over
      await this.store.append(copy);
      const whole = this.boundary.add(new Uint8Array(bytes));
      // Noted before anything is sent: what is sent must be found again.
      await this.note({ ms, bytes: whole });
      this.take.ms = ms;
      this.take.bytes = whole;
      this.grown();
    } catch (error) {
      this.fail(error instanceof Error && error.name === "QuotaExceededError" ? "full" : "storage");
    }
  }

  private async note(news: Partial<Take> = {}): Promise<void> {
    if (this.store.place !== "memory") await put({ ...this.take, ...news });
  }

  private fail(why: Broken): void {
    if (this.broken) return;
    this.broken = why;
    this.failed(why);
  }
}
