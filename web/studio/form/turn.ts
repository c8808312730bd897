// One tab sends the file of a testimony; the others wait until it is their turn.
// Other devices are told by the portal, which lets one at a time send.
export class Turn {
  private release: (() => void) | null = null;
  private name = "";
  private asked: ((steal: boolean) => void) | null = null;

  constructor(private readonly lost: () => void) {}

  /** Is it this tab's turn? */
  get held(): boolean {
    return this.release !== null;
  }

  /** Takes the turn, if nobody has it. Where a browser has no locks, everybody does. */
  async take(testimony: number): Promise<boolean> {
    this.name = `voci.sending.${testimony}`;
    return !("locks" in navigator) || (await this.ask({ ifAvailable: true }));
  }

  /** Waits for the turn, or for somebody who says that it is this tab's. */
  async wait(): Promise<void> {
    this.asked?.(false); // whoever waited before waits for nothing any more
    const over = new AbortController();
    const mine = new Promise<void>((resolve) => {
      this.asked = (steal) => {
        over.abort();
        if (!steal) return resolve();
        void this.ask({ steal: true }).then(() => resolve());
      };
    });
    await Promise.race([mine, this.ask({ signal: over.signal }).then((had) => (had ? undefined : mine))]);
    this.asked = null;
  }

  /** Takes the turn from the other tab. */
  steal(): void {
    this.asked?.(true);
  }

  /** Lets the next have its turn. */
  leave(): void {
    this.asked?.(false);
    this.release?.();
    this.release = null;
  }

  private ask(options: LockOptions): Promise<boolean> {
    return new Promise((resolve) => {
      navigator.locks
        .request(this.name, options, (lock) => {
          resolve(lock !== null);
          if (!lock) return undefined;
          return new Promise<void>((done) => (this.release = done));
        })
        .catch(() => {
          const taken = this.release !== null; // by another tab; else it is not waited for any more
          this.release = null;
          resolve(false);
          if (taken) this.lost();
        });
    });
  }
}
