// Over which network a file may go. Few browsers say which one they use; where
// they do not, nobody is offered a choice that could not be kept.

/** What the Network Information API tells, where there is one. */
interface Connection extends EventTarget {
  type?: string;
}

const key = "voci.wifi-only";
const free = ["wifi", "ethernet"];

export class Network {
  private readonly connection = (navigator as Navigator & { connection?: Connection }).connection;
  private readonly tick = document.getElementById("wifi-only") as HTMLInputElement | null;
  private once = false; // this time over any network

  constructor(private readonly changed: () => void) {
    const { tick } = this;
    const known = this.connection?.type !== undefined;
    show("line-options", true);
    show("wifi-choice", known);
    show("wifi-unknown", !known);
    if (!known || !tick) return;
    tick.checked = remembered(key) === "yes";
    tick.addEventListener("change", () => {
      remember(key, tick.checked ? "yes" : "no");
      this.once = false;
      changed();
    });
    this.connection?.addEventListener("change", changed);
  }

  /** May a file go over the network of now? */
  get allowed(): boolean {
    if (!this.tick?.checked || this.once) return true;
    return this.connection?.type === undefined || free.includes(this.connection.type);
  }

  /** Lets this file go over any network. */
  allow(): void {
    this.once = true;
    this.changed();
  }
}

/** A choice that this device keeps; null if it does not, or was not made. */
export function remembered(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Keeps a choice on this device, if the browser lets it. */
export function remember(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    // it is asked again the next time
  }
}

/** Shows an element of the page, or not. */
export function show(id: string, is: boolean): void {
  const element = document.getElementById(id);
  if (element) element.hidden = !is;
}
