// What opens the camera and the microphone, and says in one word why it could not.

/** Why there is no picture. Each is the name of a sentence of the page. */
export type Trouble = "unsupported" | "refused" | "busy" | "none" | "broken";

export class CameraTrouble extends Error {
  constructor(
    readonly trouble: Trouble,
    cause: unknown,
  ) {
    super(trouble, { cause });
  }
}

// Names of the errors of getUserMedia (W3C Media Capture and Streams, 10.2).
const troubles: Record<string, Trouble> = {
  NotAllowedError: "refused",
  SecurityError: "refused",
  NotFoundError: "none",
  OverconstrainedError: "none",
  NotReadableError: "busy",
  AbortError: "busy",
  TypeError: "unsupported",
};

/** Can this browser film at all? Over plain http it cannot, but on this machine. */
export function canFilm(): boolean {
  return typeof MediaRecorder === "function" && typeof navigator.mediaDevices?.getUserMedia === "function";
}

/** Asks for camera and microphone; throws a CameraTrouble. */
export async function openCamera(wanted: MediaStreamConstraints): Promise<MediaStream> {
  if (!canFilm()) throw new CameraTrouble("unsupported", null);
  try {
    return await navigator.mediaDevices.getUserMedia(wanted);
  } catch (error) {
    const name = error instanceof DOMException || error instanceof Error ? error.name : "";
    throw new CameraTrouble(troubles[name] ?? "broken", error);
  }
}

/** Turns camera and microphone off: their light goes out. */
export function closeCamera(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/** The first of these formats that this browser records; empty leaves it the choice. */
export function formatOf(wanted: string[]): string {
  return wanted.find((type) => MediaRecorder.isTypeSupported(type)) ?? "";
}
