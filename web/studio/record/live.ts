// Sends a take while it is recorded, from what is safe on the device. It never
// disturbs the recording: a line that is too slow, or gone, leaves the rest for
// later.
import { Refusal } from "../form/portal";
import { add, arrived, create, drop } from "./wire";
import type { Take } from "./takes";

// Bytes of one request, and seconds before trying again.
const piece = 1 << 20;
const waits = [1, 2, 4, 8, 15];

export class Live {
  /** Bytes that the portal has. */
  sent = 0;
  /** Why it does not take the file, if it said so. */
  refused = "";
  private stopped = false;
  private wake: (() => void) | null = null;
  private readonly abort = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly endpoint: string,
    private readonly take: Take,
    private readonly read: (from: number, to: number) => Promise<Blob>,
    private readonly begun: () => void, // the portal has given the upload a name
    private readonly moved: () => void,
  ) {
    window.addEventListener("online", this.more);
  }

  start(): void {
    this.running = this.run();
  }

  /** There is more to send, or a better line. */
  readonly more = (): void => this.wake?.();

  /** Leaves what was sent where it is; whoever goes on asks the portal. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.abort.abort();
    this.more();
    window.removeEventListener("online", this.more);
    await this.running;
  }

  /** Stops, and has the portal forget what was sent. */
  async discard(): Promise<void> {
    await this.stop();
    if (this.take.upload) await drop(this.endpoint + this.take.upload).catch(() => undefined); // it expires by itself
  }

  private async run(): Promise<void> {
    let known = false;
    for (let tries = 0; !this.stopped; ) {
      try {
        if (!this.take.upload) {
          if (this.take.bytes === 0) {
            await this.wait();
            continue;
          }
          this.take.upload = await create(this.endpoint, this.take.testimony, this.take.name, this.take.type);
          this.begun();
          this.sent = 0;
          known = true;
        }
        const address = this.endpoint + this.take.upload;
        if (!known) {
          const now = await arrived(address);
          this.sent = now.offset;
          known = true;
        }
        if (this.sent >= this.take.bytes) {
          await this.wait();
          continue;
        }
        const bytes = await this.read(this.sent, Math.min(this.take.bytes, this.sent + piece));
        if (this.stopped) return;
        this.sent = await add(address, this.sent, bytes, undefined, this.abort.signal);
        tries = 0;
        this.moved();
      } catch (error) {
        if (this.stopped) return;
        known = false;
        if (error instanceof Refusal && (error.status === 404 || error.status === 410)) {
          this.take.upload = ""; // given up elsewhere: begin anew
        } else if (error instanceof Refusal && error.status !== 409) {
          this.refused = error.message;
          this.moved();
          return; // what is on the device is safe, and sent later
        }
        await this.wait((waits[Math.min(tries++, waits.length - 1)] ?? 15) * 1000);
      }
    }
  }

  /** Until there is more, or for a time. */
  private wait(ms?: number): Promise<void> {
    if (this.stopped) return Promise.resolve();
    return new Promise<void>((resolve) => {
      const timer = ms === undefined ? undefined : window.setTimeout(resolve, ms);
      this.wake = () => {
        window.clearTimeout(timer);
        resolve();
      };
    }).then(() => {
      this.wake = null;
    });
  }
}
