// Where the bytes of a take go while it is recorded.
import type { Answer, Ask } from "./keep.worker";
import { files, putPiece } from "./takes";

export interface Store {
  readonly place: "files" | "pieces" | "memory";
  /** Comes back when the bytes are on the device. */
  append(bytes: ArrayBuffer): Promise<void>;
  read(from: number, to: number): Promise<Blob>;
  /** Ends writing; what is beyond so many bytes is dropped. */
  close(bytes: number): Promise<void>;
}

// What Ask needs beside its number.
type Wish = Ask extends infer A ? (A extends { n: number } ? Omit<A, "n"> : never) : never;

// Bytes: about a second of a recording.
const probe = 256 * 1024;

/** The safest place that this browser has: a file, the database, or the page itself. */
export async function store(worker: string, id: string): Promise<Store> {
  try {
    await files();
    const inFile = new InFile(worker);
    await inFile.open(id);
    return inFile;
  } catch {
    // Private windows of some browsers, older browsers.
  }
  try {
    await putPiece(id, 0, new ArrayBuffer(probe)); // where there is no room for a second, the page itself is better
    await putPiece(id, 0, new ArrayBuffer(0));
    return new InPieces(id);
  } catch {
    return new InMemory();
  }
}

class InFile implements Store {
  readonly place = "files";
  private readonly worker: Worker;
  private readonly waiting = new Map<number, { resolve: (a: Answer) => void; reject: (e: Error) => void }>();
  private n = 0;
  private closed = false;

  constructor(address: string) {
    this.worker = new Worker(address, { type: "module" });
    this.worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
      const asked = this.waiting.get(data.n);
      this.waiting.delete(data.n);
      if (data.error) asked?.reject(new DOMException(data.error, data.error));
      else asked?.resolve(data);
    });
    this.worker.addEventListener("error", () => {
      for (const { reject } of this.waiting.values()) reject(new Error("the worker does not run"));
      this.waiting.clear();
    });
  }

  private ask(wish: Wish, move: Transferable[] = []): Promise<Answer> {
    if (this.closed) return Promise.reject(new Error("the file is closed"));
    const n = ++this.n;
    return new Promise((resolve, reject) => {
      this.waiting.set(n, { resolve, reject });
      this.worker.postMessage({ ...wish, n }, move);
    });
  }

  async open(id: string): Promise<void> {
    await this.ask({ kind: "open", id });
  }

  async append(bytes: ArrayBuffer): Promise<void> {
    await this.ask({ kind: "append", bytes }, [bytes]);
  }

  async read(from: number, to: number): Promise<Blob> {
    const { bytes } = await this.ask({ kind: "read", from, to });
    return new Blob([bytes ?? new ArrayBuffer(0)]);
  }

  async close(bytes: number): Promise<void> {
    const done = this.ask({ kind: "close", bytes });
    this.closed = true;
    await done;
    this.worker.terminate();
  }
}

/** In the database, one piece a second; they are kept in memory too, for sending. */
class InPieces implements Store {
  readonly place = "pieces";
  private readonly kept = new InMemory();

  constructor(private readonly id: string) {}

  async append(bytes: ArrayBuffer): Promise<void> {
    await putPiece(this.id, this.kept.bytes, bytes);
    await this.kept.append(bytes);
  }

  read(from: number, to: number): Promise<Blob> {
    return this.kept.read(from, to);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Lost with the page. */
export class InMemory implements Store {
  readonly place = "memory";
  private blob = new Blob();

  get bytes(): number {
    return this.blob.size;
  }

  append(bytes: ArrayBuffer): Promise<void> {
    this.blob = new Blob([this.blob, bytes]);
    return Promise.resolve();
  }

  read(from: number, to: number): Promise<Blob> {
    return Promise.resolve(this.blob.slice(from, to));
  }

  close(bytes: number): Promise<void> {
    this.blob = this.blob.slice(0, bytes);
    return Promise.resolve();
  }
}
