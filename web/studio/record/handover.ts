// Hands an accepted take over to the ordinary sending: the portal is told what
// is to be shown of it and how long the file is. Nothing here sends the file.
import { Refusal, standing } from "../form/portal";
import { add, arrived, create, drop } from "./wire";
import { put, type Take } from "./takes";

// Seconds before asking again.
const waits = [1, 2, 4, 8, 15, 30];

/**
 * Asks for as long as it takes. True when the portal has the whole file already,
 * false when the rest is to be sent. A Refusal is thrown on.
 */
export async function handOver(take: Take, endpoint: string, address: string, waiting: () => void): Promise<boolean> {
  for (let tries = 0; ; tries++) {
    try {
      return await once(take, endpoint, address);
    } catch (error) {
      if (error instanceof Refusal) throw error;
      waiting();
      const wait = (waits[Math.min(tries, waits.length - 1)] ?? 30) * 1000;
      await new Promise<void>((resolve) => {
        window.setTimeout(resolve, wait);
        window.addEventListener("online", () => resolve(), { once: true });
      });
    }
  }
}

async function once(take: Take, endpoint: string, address: string): Promise<boolean> {
  const now = await standing(address);
  if (has(now, take)) return true;
  if (!now.takes) throw new Refusal(409, "");
  let there = take.upload ? await known(endpoint + take.upload) : null;
  if (there && (there.offset > take.bytes || (there.length ?? take.bytes) !== take.bytes)) {
    await drop(endpoint + take.upload); // it is not of this take
    there = null;
  }
  if (!there) {
    take.upload = await create(endpoint, take.testimony, take.name, take.type, take.bytes);
    await put(take).catch(() => undefined); // a page without storage sends all the same
  }
  if (take.from > 0 || take.to > 0) await trim(take, address);
  if (there && there.length === null) {
    const offset = await add(endpoint + take.upload, there.offset, new Blob(), take.bytes);
    return offset === take.bytes;
  }
  return there !== null && there.offset === there.length;
}

/** Has the portal this very file whole? */
export function has(now: { video: string; bytes: number; filename: string }, take: Take): boolean {
  return now.video !== "" && now.bytes === take.bytes && now.filename === take.name;
}

/** How far an upload came; null if the portal does not have it any more. */
async function known(address: string): Promise<{ offset: number; length: number | null } | null> {
  try {
    return await arrived(address);
  } catch (error) {
    if (error instanceof Refusal && (error.status === 404 || error.status === 410)) return null;
    throw error;
  }
}

async function trim(take: Take, address: string): Promise<void> {
  const response = await fetch(address + "/taglia", {
    method: "POST",
    headers: { Accept: "application/json" },
    body: new URLSearchParams({ from: String(take.from), to: take.to > 0 ? String(take.to) : "", upload: take.upload }),
    credentials: "same-origin",
    redirect: "error",
  });
  if (response.ok) return;
  if (response.status >= 500 || response.status === 429) throw new Error("the portal is away");
  const said = (await response.json().catch(() => ({}))) as { message?: string };
  throw new Refusal(response.status, said.message ?? "");
}
