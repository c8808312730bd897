// The rehearsal: ten seconds are recorded, sent and judged by the portal, whose
// page says how it went. Without this script the form sends a film as any other.
import { bytes, must, wordsOf } from "../form/words";
import { CameraTrouble, canFilm, closeCamera, formatOf, openCamera } from "./camera";
import { Refusal, send, tell } from "./send";

// Seconds to get ready, to film, and without which nothing can be said.
const ready = 3;
const length = 10;
const least = 3;

// As the portal's own recorder films, in little more than a megabyte: on a weak
// line the rehearsal must not take longer than patience does.
const picture = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 }, facingMode: "user" };
const bitrates = { videoBitsPerSecond: 1_000_000, audioBitsPerSecond: 96_000 };
const formats = ["video/webm;codecs=vp8,opus", "video/mp4;codecs=avc1.42E01E,mp4a.40.2", "video/webm", "video/mp4"];

class Stopped extends Error {}

const root = must("tryout-recorder");
const form = must<HTMLFormElement>("tryout-form");
const words = wordsOf(root);
const stage = must("tryout-stage");
const preview = must<HTMLVideoElement>("tryout-preview");
const count = must("tryout-count");
const say = must("tryout-say");
const trouble = must("tryout-trouble");
const start = must<HTMLButtonElement>("tryout-start");
const retry = must<HTMLButtonElement>("tryout-retry");
const stop = must<HTMLButtonElement>("tryout-stop");
const field = must<HTMLInputElement>("f-video");

let film: { blob: Blob; name: string } | null = null; // that was not sent yet
let run: AbortController | null = null; // what is under way

begin();

function begin(): void {
  root.hidden = false;
  for (const hint of document.querySelectorAll<HTMLElement>("[data-script]")) hint.hidden = false;
  start.addEventListener("click", () => void go(record));
  retry.addEventListener("click", () => void go(deliver));
  stop.addEventListener("click", () => run?.abort(new Stopped()));
  form.addEventListener("submit", (event) => {
    const file = field.files?.[0];
    if (!file) return; // the portal says what is missing
    event.preventDefault();
    delete form.dataset.sent; // see scripts/form
    film = { blob: file, name: file.name };
    void go(deliver);
  });
  window.addEventListener("pagehide", () => run?.abort(new Stopped()));
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) rest(""); // come back to from the result
  });
  if (!canFilm()) {
    start.hidden = must("tryout-start-help").hidden = true;
    complain(words("unsupported"));
  }
  if (location.hash === "#esito") document.getElementById("esito")?.focus();
  root.dataset.ready = "yes";
}

/** Does one thing from the first to the last, and says what went wrong with it. */
async function go(what: (signal: AbortSignal) => Promise<void>): Promise<void> {
  if (run) return;
  run = new AbortController();
  trouble.hidden = true;
  start.hidden = retry.hidden = must("tryout-start-help").hidden = true;
  stop.hidden = false;
  form.hidden = true;
  try {
    await what(run.signal);
    stop.hidden = true; // on the way to the result
  } catch (error) {
    rest(error instanceof Stopped ? words("stopped") : "");
    if (!(error instanceof Stopped)) complain(reasonOf(error));
    retry.hidden = !film;
    start.classList.toggle("btn-primary", !film); // of two things to do one comes first
    start.classList.toggle("btn-outline-primary", film !== null);
    (retry.hidden ? start : retry).focus();
  } finally {
    run = null;
  }
}

/** Nothing is under way. */
function rest(told: string): void {
  say.textContent = told;
  stage.hidden = must("tryout-read").hidden = must("tryout-progress").hidden = stop.hidden = true;
  start.hidden = must("tryout-start-help").hidden = !canFilm();
  form.hidden = false;
}

function reasonOf(error: unknown): string {
  if (error instanceof CameraTrouble) return words(error.trouble);
  if (error instanceof Problem) return words(error.message);
  if (error instanceof Refusal) {
    if (error.status === 401) return words("signedOut");
    if (error.status >= 500 && error.status !== 507) return words("failed");
    if (error.status !== 507) film = null; // it would be refused again
    return error.message || words("failed");
  }
  return words("dropped");
}

/** Something of this page's own that went wrong; its message is the name of a sentence. */
class Problem extends Error {}

function complain(text: string): void {
  must("tryout-trouble-what").textContent = text;
  trouble.hidden = false;
}

/** Films, then sends. */
async function record(signal: AbortSignal): Promise<void> {
  film = null;
  if (!navigator.onLine) throw new Problem("offline");
  say.textContent = words("asking");
  const stream = await openCamera({ video: picture, audio: true });
  try {
    signal.throwIfAborted();
    await show(stream);
    root.scrollIntoView({ block: "start" });
    say.textContent = words("ready");
    must("tryout-read").hidden = false;
    await countDown(ready, signal, "");
    say.textContent = words("recording");
    film = await take(stream, signal);
  } finally {
    closeCamera(stream);
    preview.srcObject = null;
    stage.hidden = must("tryout-read").hidden = count.hidden = true;
  }
  await deliver(signal);
}

async function show(stream: MediaStream): Promise<void> {
  const turn = () => (must("tryout-turn").hidden = preview.videoHeight <= preview.videoWidth);
  preview.addEventListener("resize", turn);
  preview.srcObject = stream;
  stage.hidden = false;
  await preview.play().catch(() => undefined); // filming works without seeing oneself
  turn();
}

/** Counts seconds down on the picture. */
async function countDown(seconds: number, signal: AbortSignal, unit: string): Promise<void> {
  count.hidden = false;
  count.classList.toggle("tryout-running", unit !== "");
  const end = performance.now() + seconds * 1000;
  for (let left = end - performance.now(); left > 0; left = end - performance.now()) {
    const n = Math.ceil(left / 1000);
    count.textContent = unit ? words(unit, { n }) : String(n);
    await pause(left - (n - 1) * 1000 || 1, signal);
  }
}

/** Waits; what is stopped meanwhile throws. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const timer = window.setTimeout(() => {
      signal.removeEventListener("abort", ended);
      resolve();
    }, milliseconds);
    const ended = () => {
      window.clearTimeout(timer);
      reject(signal.reason);
    };
    signal.addEventListener("abort", ended, { once: true });
  });
}

/** Films for ten seconds, or until the camera is taken away. */
async function take(stream: MediaStream, signal: AbortSignal): Promise<{ blob: Blob; name: string }> {
  const mimeType = formatOf(formats);
  const recorder = new MediaRecorder(stream, { ...(mimeType ? { mimeType } : {}), ...bitrates });
  const pieces: Blob[] = [];
  const begun = performance.now();
  let lasted = 0;
  const over = new Promise<void>((resolve, reject) => {
    recorder.ondataavailable = (event) => pieces.push(event.data);
    recorder.onstop = () => {
      lasted = (performance.now() - begun) / 1000;
      resolve();
    };
    recorder.onerror = () => reject(new Problem("interrupted"));
  });
  recorder.start();
  try {
    await Promise.race([countDown(length, signal, "seconds"), over]);
  } finally {
    if (recorder.state !== "inactive") recorder.stop();
  }
  await over;
  const blob = new Blob(pieces, { type: recorder.mimeType });
  if (lasted < least || blob.size === 0) throw new Problem("interrupted");
  return { blob, name: recorder.mimeType.startsWith("video/mp4") ? "prova.mp4" : "prova.webm" };
}

/** Sends what was filmed or chosen, and goes on to the result. */
async function deliver(signal: AbortSignal): Promise<void> {
  if (!film) return;
  if (film.blob.size > Number(form.dataset.bytes)) {
    film = null;
    throw new Refusal(413, words("tooLarge"));
  }
  const bar = must<HTMLProgressElement>("tryout-bar");
  const numbers = must("tryout-numbers");
  say.textContent = words("sending");
  bar.value = 0;
  numbers.textContent = "";
  must("tryout-progress").hidden = false;
  root.scrollIntoView({ block: "nearest" });
  const lock = await navigator.wakeLock?.request("screen").catch(() => null);
  try {
    const answer = await send(
      form.action,
      film.blob,
      film.name,
      (sent, size) => {
        bar.value = (sent / size) * 100;
        numbers.textContent = words("sent", { sent: bytes(sent), size: bytes(size) });
        if (sent >= size) say.textContent = words("looking");
      },
      signal,
    );
    film = null;
    await tell(form.dataset.line ?? "", answer);
    location.assign(answer.address);
  } finally {
    void lock?.release();
  }
}
