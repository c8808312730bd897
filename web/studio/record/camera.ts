// Camera and microphone: which, and what is wrong with them.
import { must } from "../form/words";

/** Why there is no picture, by the name of its sentence. */
export type Trouble = "denied" | "busy" | "missing" | "unable" | "";

export class Camera {
  stream: MediaStream | null = null;
  private readonly cameras = must<HTMLSelectElement>("camera");
  private readonly microphones = must<HTMLSelectElement>("microphone");

  /** changed: the stream is another one; lost: a device went away while it was used. */
  constructor(
    private readonly changed: (stream: MediaStream) => void,
    private readonly lost: () => void,
    private readonly failed: (trouble: Trouble) => void,
  ) {
    for (const select of [this.cameras, this.microphones]) select.addEventListener("change", () => void this.open());
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.list());
  }

  /** Turns camera and microphone on, those chosen if any were. */
  async open(): Promise<boolean> {
    this.close();
    const chosen = (select: HTMLSelectElement): MediaTrackConstraints => (select.value ? { deviceId: { exact: select.value } } : {});
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        video: { ...(this.cameras.value ? {} : { facingMode: "user" }), width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 }, ...chosen(this.cameras) },
        audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...chosen(this.microphones) },
      });
    } catch (error) {
      this.failed(troubleOf(error));
      return false;
    }
    const stream = this.stream;
    for (const track of stream.getTracks()) {
      track.addEventListener("ended", () => {
        if (this.stream === stream) this.lost();
      });
    }
    await this.list();
    this.changed(stream);
    return true;
  }

  close(): void {
    const { stream } = this;
    this.stream = null;
    for (const track of stream?.getTracks() ?? []) track.stop();
  }

  /** Devices have names only once they may be used. */
  private async list(): Promise<void> {
    const devices = await navigator.mediaDevices.enumerateDevices();
    for (const [select, kind, track] of [
      [this.cameras, "videoinput", this.stream?.getVideoTracks()[0]],
      [this.microphones, "audioinput", this.stream?.getAudioTracks()[0]],
    ] as const) {
      const used = track?.getSettings().deviceId ?? select.value;
      select.replaceChildren(
        ...devices
          .filter((device) => device.kind === kind && device.deviceId)
          .map((device, i) => new Option(device.label || `${select.dataset.text} ${i + 1}`, device.deviceId, false, device.deviceId === used)),
      );
      select.disabled = select.options.length < 2;
    }
  }
}

function troubleOf(error: unknown): Trouble {
  switch (error instanceof Error ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    case "NotFoundError":
    case "OverconstrainedError":
      return "missing";
    default:
      return "unable";
  }
}
