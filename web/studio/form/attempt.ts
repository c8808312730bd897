// One try to send bytes over tus. It ends one way or another, and never throws:
// what an end means is decided by whoever sends.
import type { DetailedError, Upload } from "tus-js-client";

export type Tus = typeof Upload;

/** How one try to send ended. */
export type Outcome =
  | { kind: "done" }
  | { kind: "stopped" }
  | { kind: "broken" } // nobody knows what arrived
  | { kind: "answer"; method: string; status: number; text: string };

/** What is sent, and who is told how it goes. */
export interface Parcel {
  blob: Blob;
  endpoint: string;
  url: string | null; // null before it is known to the portal
  metadata: Record<string, string>;
  known: (url: string) => void;
  progress: (sent: number, fresh: number) => void; // bytes that left this device in all, and since it was last said
  accepted: (bytes: number) => void; // by the portal
  arrived: () => Promise<number | null>; // how much the portal says it has; null if it does not answer
}

/** A try that goes on. */
export interface Attempt {
  end: Promise<Outcome>;
  stop: () => void;
  still: () => number; // milliseconds since a byte moved
}

// Bytes of one request. Proxies in front of a portal often take a request in
// whole before they pass it on; at this size that is no loss, and at most as
// much would be sent twice.
const piece = 32 * 1024 * 1024;
// Milliseconds without a byte moving after which the portal is asked whether
// anything still arrives, and after which the line is dead if twice nothing did.
// What has left the browser may still lie in the device's own buffers, which a
// line of some kilobytes a second takes a while to empty.
const quiet = 20_000;
const silence = 40_000;

export function attempt(tus: Tus, parcel: Parcel): Attempt {
  let alive = performance.now();
  let stop = (): void => undefined;
  const end = new Promise<Outcome>((resolve) => {
    let sent = 0;
    let settled = false;
    const settle = (outcome: Outcome): void => {
      settled = true;
      window.clearInterval(watch);
      resolve(outcome);
    };
    const upload = new tus(parcel.blob as File, {
      // With an endpoint tus-js-client would begin anew whenever the portal
      // does not answer to HEAD as it likes; that is decided elsewhere.
      ...(parcel.url ? { uploadUrl: parcel.url } : { endpoint: parcel.endpoint }),
      metadata: parcel.metadata,
      chunkSize: piece,
      retryDelays: null,
      storeFingerprintForResuming: false,
      onUploadUrlAvailable: () => {
        // In the page's language, for the sentences.
        upload.url = parcel.endpoint + (upload.url ?? "").split("/").pop();
        parcel.known(upload.url);
      },
      onAfterResponse: (request, response) => {
        alive = performance.now();
        if (request.getMethod() !== "HEAD" || response.getStatus() !== 200) return;
        sent = Number(response.getHeader("Upload-Offset")) || 0;
        parcel.accepted(sent);
      },
      onProgress: (now) => {
        alive = performance.now();
        parcel.progress(now, Math.max(0, now - sent));
        sent = now;
      },
      onChunkComplete: (_, accepted) => parcel.accepted(accepted),
      onSuccess: () => settle({ kind: "done" }),
      onError: (error) => settle(outcomeOf(error)),
    });
    stop = () => {
      if (settled) return;
      void upload.abort();
      settle({ kind: "broken" });
    };
    let had = -1;
    let asking = false;
    const ask = async (): Promise<void> => {
      asking = true;
      const has = await parcel.arrived();
      if (has !== null && has > had && had >= 0) alive = performance.now();
      had = has ?? had;
      asking = false;
      if (!settled && performance.now() - alive > silence) stop();
    };
    const watch = window.setInterval(() => {
      if (performance.now() - alive < quiet) had = -1;
      else if (!asking) void ask();
    }, 5_000);
    upload.start();
  });
  return { end, stop: () => stop(), still: () => performance.now() - alive };
}

function outcomeOf(error: Error | DetailedError): Outcome {
  const response = "originalResponse" in error ? error.originalResponse : null;
  if (!response || response.getStatus() === 0) return { kind: "broken" };
  const method = ("originalRequest" in error && error.originalRequest?.getMethod()) || "";
  const plain = (response.getHeader("Content-Type") ?? "").startsWith("text/plain");
  return { kind: "answer", method, status: response.getStatus(), text: plain ? response.getBody().trim() : "" };
}
