// Sends a film to the portal and measures how long it takes to get there.

/** What the portal answered. */
export interface Answer {
  id: number;
  address: string; // of the result
  looked: number; // milliseconds that looking at the film took
}

/** The portal said no, with a sentence, or answered what nobody foresaw. Any other error means that the line broke. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

// A line on which nothing moves for this long is dead, in milliseconds. Once all
// is sent the portal may have other films to look at first.
const patience = 60_000;

/**
 * Sends a film; moved is told how much has left this device. XMLHttpRequest and
 * not fetch, which does not tell. Aborting the signal throws its reason.
 */
export function send(address: string, film: Blob, name: string, moved: (sent: number, size: number) => void, stop: AbortSignal): Promise<Answer & { took: number }> {
  return new Promise((resolve, reject) => {
    const body = new FormData();
    body.append("video", film, name);
    const request = new XMLHttpRequest();
    let silence = 0;
    const alive = (wait: number) => {
      window.clearTimeout(silence);
      silence = window.setTimeout(() => request.abort(), wait);
    };
    const end = (settle: () => void) => {
      window.clearTimeout(silence);
      settle();
    };
    request.open("POST", address);
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.onprogress = (event) => {
      alive(event.loaded < event.total ? patience : 5 * patience);
      moved(event.loaded, event.total);
    };
    const start = performance.now();
    const took = (looked: number) => Math.max(0, (onTheLine(request.responseURL, start) ?? performance.now() - start) - looked);
    request.onload = () =>
      end(() => {
        const said = request.response as (Answer & { message?: string }) | null;
        if (request.status === 200 && said?.address) resolve({ ...said, took: took(said.looked) });
        else if (request.status >= 502 && request.status <= 504) reject(new Error("the portal is away"));
        else reject(new Refusal(request.status, said?.message ?? ""));
      });
    request.onerror = () => end(() => reject(new Error("the line broke")));
    request.onabort = () => end(() => reject(stop.aborted ? stop.reason : new Error("the line is dead")));
    stop.addEventListener("abort", () => request.abort());
    alive(patience);
    request.send(body);
  });
}

/**
 * Milliseconds from the first byte of a request that began after start to the
 * first of its answer, as the browser's network saw it (W3C Resource Timing): a
 * page that has much to do sees both late.
 */
function onTheLine(address: string, start: number): number | undefined {
  const entries = performance.getEntriesByName(address, "resource") as PerformanceResourceTiming[];
  const entry = entries.filter((e) => e.startTime >= start - 1 && e.requestStart > 0 && e.responseStart > e.requestStart).pop();
  return entry && entry.responseStart - entry.requestStart;
}

/** Tells the portal how long sending took, as this device saw it. It is no harm if that fails: the portal has a clock too. */
export async function tell(address: string, answer: Answer & { took: number }): Promise<void> {
  try {
    await fetch(address, {
      method: "POST",
      body: new URLSearchParams({ id: String(answer.id), milliseconds: String(Math.round(answer.took)) }),
      signal: AbortSignal.timeout(5_000),
    });
  } catch {
    // The line is down, or the browser too old for a timeout.
  }
}
