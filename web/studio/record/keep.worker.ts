// Writes takes into the Origin Private File System: only a worker may write a
// file there at once, and flush it.

/** What the page asks; each is answered under its number. */
export type Ask =
  | { n: number; kind: "open"; id: string }
  | { n: number; kind: "append"; bytes: ArrayBuffer }
  | { n: number; kind: "read"; from: number; to: number }
  | { n: number; kind: "close"; bytes: number };

export interface Answer {
  n: number;
  bytes?: ArrayBuffer;
  error?: string; // name of the exception
}

/** What the worker needs of FileSystemSyncAccessHandle, which TypeScript knows in workers only. */
interface SyncFile {
  read(into: Uint8Array, options: { at: number }): number;
  write(from: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}

let file: SyncFile | null = null;
let size = 0;

async function answer(ask: Ask): Promise<ArrayBuffer | undefined> {
  switch (ask.kind) {
    case "open": {
      const root = await navigator.storage.getDirectory();
      const folder = await root.getDirectoryHandle("takes", { create: true });
      const handle = (await folder.getFileHandle(ask.id, { create: true })) as FileSystemFileHandle & { createSyncAccessHandle(): Promise<SyncFile> };
      file = await handle.createSyncAccessHandle();
      size = file.getSize();
      return undefined;
    }
    case "append": {
      const at = size;
      const bytes = new Uint8Array(ask.bytes);
      try {
        for (let done = 0; done < bytes.length; ) {
          const n = need().write(bytes.subarray(done), { at: at + done });
          if (n <= 0) throw new DOMException("no room", "QuotaExceededError");
          done += n;
        }
        need().flush();
        size = at + bytes.length;
      } catch (error) {
        need().truncate(at);
        throw error;
      }
      return undefined;
    }
    case "read": {
      const bytes = new Uint8Array(Math.max(0, Math.min(ask.to, size) - ask.from));
      need().read(bytes, { at: ask.from });
      return bytes.buffer;
    }
    case "close":
      need().truncate(ask.bytes);
      need().flush();
      need().close();
      file = null;
      return undefined;
  }
}

function need(): SyncFile {
  if (!file) throw new DOMException("closed", "InvalidStateError");
  return file;
}

// One after the other: a chunk must not overtake another.
let queue: Promise<unknown> = Promise.resolve();

self.addEventListener("message", ({ data }: MessageEvent<Ask>) => {
  queue = queue.then(async () => {
    const reply: Answer = { n: data.n };
    try {
      const bytes = await answer(data);
      if (bytes) reply.bytes = bytes;
    } catch (error) {
      reply.error = error instanceof Error ? error.name : "Error";
    }
    (self as unknown as Worker).postMessage(reply, reply.bytes ? [reply.bytes] : []);
  });
});
