// What recordings need of tus that the ordinary sending does not: a file whose
// length is declared late (the extension creation-defer-length).
import { Refusal } from "../form/portal";

// A line that says nothing for this long is dead.
const patience = 60_000;

async function ask(method: string, address: string, headers: Record<string, string>, body?: Blob, end?: AbortSignal): Promise<Response> {
  const signals = [AbortSignal.timeout(patience), ...(end ? [end] : [])];
  const response = await fetch(address, {
    method,
    headers: { "Tus-Resumable": "1.0.0", ...headers },
    body: body ?? null,
    credentials: "same-origin",
    redirect: "error",
    cache: "no-store",
    signal: "any" in AbortSignal ? AbortSignal.any(signals) : (end ?? null),
  });
  const { status } = response;
  if (response.ok) return response;
  if (status === 423 || status === 429 || (status >= 500 && status !== 507)) throw new Error("the portal is busy");
  throw new Refusal(status, method === "HEAD" ? "" : (await response.text()).trim());
}

const base64 = (text: string): string => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

/** Begins an upload; without a size it will be declared later. Returns its id. */
export async function create(endpoint: string, testimony: number, name: string, type: string, size?: number): Promise<string> {
  const metadata = Object.entries({ testimony: String(testimony), filename: name, filetype: type });
  const response = await ask("POST", endpoint, {
    "Upload-Metadata": metadata.map(([key, value]) => `${key} ${base64(value)}`).join(","),
    ...(size === undefined ? { "Upload-Defer-Length": "1" } : { "Upload-Length": String(size) }),
  });
  const id = (response.headers.get("Location") ?? "").split("/").pop();
  if (!id) throw new Error("the portal gave no address");
  return id;
}

/** How much has arrived, and whether the length is known. */
export async function arrived(address: string): Promise<{ offset: number; length: number | null }> {
  const { headers } = await ask("HEAD", address, {});
  const length = headers.get("Upload-Length");
  return { offset: Number(headers.get("Upload-Offset")), length: length === null ? null : Number(length) };
}

/** Adds bytes; with a length also says how many there will be. Returns how much has arrived. */
export async function add(address: string, offset: number, bytes: Blob, length?: number, end?: AbortSignal): Promise<number> {
  const headers: Record<string, string> = { "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(offset) };
  if (length !== undefined) headers["Upload-Length"] = String(length);
  const response = await ask("PATCH", address, headers, bytes, end);
  return Number(response.headers.get("Upload-Offset"));
}

/** Has the portal forget an upload, if it has it. */
export async function drop(address: string): Promise<void> {
  try {
    await ask("DELETE", address, {});
  } catch (error) {
    if (!(error instanceof Refusal)) throw error; // gone, or whole: nothing to forget
  }
}
