// Makes a small version of a film on this device, so that the newsroom can begin
// while the film itself is still on its way. The film is played, unseen and
// unheard, and recorded as it plays: nothing of it is held in memory, and the
// file that is being sent is only read. Whatever fails, there is no small
// version, and nothing else changes.

// Lines of the picture, pictures a second, bits a second.
const lines = 480;
const rate = 20;
const pictureBits = 300_000;
const soundBits = 48_000;

// Seconds that the film must still take for a small version to be worth while,
// and the part of them that the small one may take at most.
const worthwhile = 180;
const part = 0.25;
// Seconds by which what was recorded may be shorter or longer than the film: more
// would look like another film.
const slack = 0.6;
const patience = 10_000;

type Playing = HTMLVideoElement & { captureStream?: () => MediaStream };

const kinds = ["video/webm;codecs=vp8,opus", "video/mp4;codecs=avc1.42E01E,mp4a.40.2", "video/webm"];

/** Can this device make one? */
export function able(): boolean {
  return (
    typeof MediaRecorder !== "undefined" &&
    "captureStream" in HTMLVideoElement.prototype &&
    "requestVideoFrameCallback" in HTMLVideoElement.prototype &&
    "captureStream" in HTMLCanvasElement.prototype &&
    kinds.some((kind) => MediaRecorder.isTypeSupported(kind))
  );
}

/** Is a small version of so many seconds there much sooner than the rest of the film, at so many bytes a second? */
export function helps(seconds: number, rest: number, speed: number): boolean {
  const left = rest / speed - seconds; // once it is made, for that takes as long as it plays
  return left > worthwhile && ((pictureBits + soundBits) / 8) * seconds < speed * left * part;
}

/** How long a film is, in seconds; 0 if the device cannot tell. */
export async function lengthOf(file: File): Promise<number> {
  const { video, close } = open(file);
  try {
    return (await happens(video, "loadedmetadata")) && Number.isFinite(video.duration) && video.videoWidth > 0 ? video.duration : 0;
  } finally {
    close();
  }
}

/** Makes one; null if that does not come off. */
export async function make(file: File, over: AbortSignal): Promise<File | null> {
  const { video, close } = open(file);
  try {
    if (!(await happens(video, "canplay")) || !Number.isFinite(video.duration)) return null;
    const blob = await record(video, over);
    return blob && new File([blob], file.name.replace(/\.[^.]*$/, "") + ` (${lines}p).` + (blob.type.includes("mp4") ? "mp4" : "webm"), { type: blob.type });
  } catch {
    return null;
  } finally {
    close();
  }
}

function open(file: File): { video: Playing; close: () => void } {
  const video: Playing = document.createElement("video");
  video.muted = true; // what is captured is heard all the same
  video.playsInline = true;
  video.preload = "auto";
  const address = URL.createObjectURL(file);
  video.src = address;
  return {
    video,
    close: () => {
      video.removeAttribute("src");
      video.load();
      URL.revokeObjectURL(address);
    },
  };
}

function happens(video: HTMLVideoElement, event: string): Promise<boolean> {
  return new Promise((resolve) => {
    video.addEventListener(event, () => resolve(true), { once: true });
    video.addEventListener("error", () => resolve(false), { once: true });
    window.setTimeout(() => resolve(false), patience);
  });
}

async function record(video: Playing, over: AbortSignal): Promise<Blob | null> {
  const played = video.captureStream?.();
  const canvas = document.createElement("canvas");
  const scale = Math.min(1, lines / Math.min(video.videoWidth, video.videoHeight));
  canvas.width = even(video.videoWidth * scale);
  canvas.height = even(video.videoHeight * scale);
  const pencil = canvas.getContext("2d", { alpha: false });
  if (!played || !pencil) return null;
  const stream = canvas.captureStream(rate);
  for (const track of played.getAudioTracks()) stream.addTrack(track);
  const recorder = new MediaRecorder(stream, {
    mimeType: kinds.find((kind) => MediaRecorder.isTypeSupported(kind)) ?? "",
    videoBitsPerSecond: pictureBits,
    audioBitsPerSecond: soundBits,
  });
  const chunks: Blob[] = [];
  let before = 0;
  let recorded = 0; // seconds
  let since = 0;
  const draw = (now: number): void => {
    if (now - before >= 900 / rate) {
      before = now;
      pencil.drawImage(video, 0, 0, canvas.width, canvas.height);
    }
    video.requestVideoFrameCallback(draw);
  };
  // A page that nobody sees draws nothing, and a film that waits for its file
  // shows nothing new: neither is recorded.
  const rest = (): void => {
    if (recorder.state !== "recording") return;
    recorder.pause();
    recorded += (performance.now() - since) / 1000;
  };
  const goOn = (): void => {
    if (recorder.state === "inactive") recorder.start(1000);
    else if (recorder.state === "paused") recorder.resume();
    else return;
    since = performance.now();
  };
  const seen = (): void => {
    if (document.hidden) video.pause();
    else if (!video.ended) void video.play().catch(() => undefined);
  };
  const whole = new Promise<boolean>((resolve) => {
    recorder.addEventListener("dataavailable", ({ data }) => chunks.push(data));
    recorder.addEventListener("error", () => resolve(false));
    recorder.addEventListener("stop", () => resolve(true));
    video.addEventListener("playing", goOn);
    video.addEventListener("pause", rest);
    video.addEventListener("waiting", rest);
    video.addEventListener("error", () => resolve(false));
    video.addEventListener("ended", () => {
      rest();
      if (recorder.state !== "inactive") recorder.stop();
    });
    over.addEventListener("abort", () => resolve(false), { once: true });
    if (over.aborted) resolve(false);
  });
  document.addEventListener("visibilitychange", seen);
  try {
    video.requestVideoFrameCallback(draw);
    if (!document.hidden) await video.play();
    if (!(await whole) || Math.abs(recorded - video.duration) > slack) return null;
    return new Blob(chunks, { type: recorder.mimeType.split(";")[0] ?? "" });
  } finally {
    document.removeEventListener("visibilitychange", seen);
    if (recorder.state !== "inactive") recorder.stop();
    for (const track of [...stream.getTracks(), ...played.getTracks()]) track.stop();
  }
}

const even = (n: number): number => Math.max(2, 2 * Math.round(n / 2));
