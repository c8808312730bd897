// The takes that this device keeps: what is known of each, in IndexedDB. Their
// bytes are in the Origin Private File System or, where that cannot be written
// at once, in IndexedDB as well.

import { wholeOf } from "./boundary";

/** A recording on this device. */
export interface Take {
  id: string;
  testimony: number;
  name: string; // as the portal will know the file
  type: string;
  at: number; // when it began, in milliseconds since 1970 by the portal's clock
  ms: number; // how long it plays
  bytes: number; // that are safe on this device, and whole
  upload: string; // of the portal, empty while there is none
  state: "recording" | "ended" | "accepted"; // accepted: to be sent without asking again
  from: number; // seconds; what is to be shown
  to: number; // 0: up to the end
  place: "files" | "pieces";
}

const name = "voci";
const takes = "takes";
const pieces = "pieces";

let opened: Promise<IDBDatabase> | null = null;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(takes, { keyPath: "id" });
      request.result.createObjectStore(pieces);
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("no database"));
  });
  opened.catch(() => (opened = null));
  return opened;
}

/** Runs in one transaction; done when that is on the disk. */
async function within<T>(stores: string[], mode: IDBTransactionMode, work: (tx: IDBTransaction) => IDBRequest<T>): Promise<T> {
  const db = await open();
  const tx = db.transaction(stores, mode, { durability: "strict" });
  const request = work(tx);
  return new Promise((resolve, reject) => {
    tx.oncomplete = () => resolve(request.result);
    tx.onabort = tx.onerror = () => reject(tx.error ?? request.error ?? new Error("the database refuses"));
  });
}

// Says without opening a database that there may be a take.
const mark = (testimony: number): string => `voci.take.${testimony}`;

export async function put(take: Take): Promise<void> {
  await within([takes], "readwrite", (tx) => tx.objectStore(takes).put(take));
  try {
    localStorage.setItem(mark(take.testimony), "1");
  } catch {
    // then only the page that records offers it again
  }
}

/** Might this device have a take of a testimony? */
export function marked(testimony: number): boolean {
  try {
    return localStorage.getItem(mark(testimony)) !== null;
  } catch {
    return false;
  }
}

/** The takes of a testimony, newest first. */
async function of(testimony: number): Promise<Take[]> {
  const all = await within<Take[]>([takes], "readonly", (tx) => tx.objectStore(takes).getAll());
  return all.filter((take) => take.testimony === testimony).sort((a, b) => b.at - a.at);
}

/** The newest take of a testimony that no other tab is recording; null if there is none. */
export async function kept(testimony: number): Promise<Take | null> {
  for (const take of await of(testimony)) {
    const free = !navigator.locks || (await navigator.locks.request(held(take.id), { ifAvailable: true }, (lock) => lock !== null));
    if (free && take.bytes > 0) return take;
  }
  return null;
}

/** Tells other tabs that a take is being recorded; what comes back says that it is not any more. */
export function hold(id: string): () => void {
  let release = (): void => undefined;
  void navigator.locks?.request(held(id), () => new Promise<void>((resolve) => (release = resolve)));
  return () => release();
}

const held = (id: string): string => `voci.recording.${id}`;

/** Forgets a take and its bytes. */
export async function forget(take: Take): Promise<void> {
  if (take.place === "files") {
    const folder = await files();
    await folder.removeEntry(take.id).catch(() => undefined); // it is gone already
  }
  await within([takes, pieces], "readwrite", (tx) => {
    tx.objectStore(pieces).delete(piecesOf(take.id));
    return tx.objectStore(takes).delete(take.id);
  });
  if ((await of(take.testimony)).length === 0) localStorage.removeItem(mark(take.testimony));
}

/** The folder of takes in the Origin Private File System. */
export async function files(): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle("takes", { create: true });
}

const piecesOf = (id: string): IDBKeyRange => IDBKeyRange.bound([id, 0], [id, Infinity]);

/** Adds a piece of a take that is kept in the database. */
export async function putPiece(id: string, at: number, bytes: ArrayBuffer): Promise<void> {
  await within([pieces], "readwrite", (tx) => tx.objectStore(pieces).put(bytes, [id, at]));
}

/** The bytes of a take that are safe and whole, as a file to send. */
export async function fileOf(take: Take): Promise<File> {
  let blob: Blob;
  if (take.place === "files") {
    const handle = await (await files()).getFileHandle(take.id);
    blob = await handle.getFile();
  } else {
    blob = new Blob(await within<ArrayBuffer[]>([pieces], "readonly", (tx) => tx.objectStore(pieces).getAll(piecesOf(take.id))));
  }
  // A device that lost what it said was safe: what is left of it still plays.
  if (blob.size < take.bytes) take.bytes = await wholeOf(blob);
  return new File([blob.slice(0, take.bytes)], take.name, { type: take.type });
}
