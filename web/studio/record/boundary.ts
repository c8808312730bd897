// Where a recording may be broken off. What a browser hands over each second may
// end in the middle of a picture; up to the last whole one the file plays, and
// the portal takes it.

// Elements of Matroska that are gone into and not past (RFC 9559).
const segment = 0x18538067;
const cluster = 0x1f43b675;
// The longest head of an element: an id of 4 bytes, a size of 8.
const longestHead = 16;

/** Follows the bytes as they come, and knows how many of them are whole. */
export class Boundary {
  /** Bytes up to which the file is whole. */
  whole = 0;
  private next = 0; // where the next element or box begins
  private head = new Uint8Array(0); // the bytes from there, as far as they came
  private seen = 0;
  private kind: "" | "matroska" | "mp4" | "other" = "";

  /** Takes in the next bytes; returns how many of all are whole. */
  add(bytes: Uint8Array): number {
    const start = this.seen;
    this.seen += bytes.length;
    for (;;) {
      const head = this.at(bytes, start);
      if (this.kind === "" && head.length >= 8) this.kind = kindOf(head);
      if (this.kind === "other") return (this.whole = this.seen);
      const size = this.kind === "matroska" ? matroska(head) : this.kind === "mp4" ? box(head) : null;
      if (!size || this.next + size.bytes > this.seen) {
        this.head = head.slice(0, longestHead);
        return this.whole;
      }
      this.next += size.bytes;
      if (size.whole) this.whole = this.next;
      this.head = new Uint8Array(0);
    }
  }

  /** The first bytes of the next element, those from before and those just come. */
  private at(bytes: Uint8Array, start: number): Uint8Array {
    if (this.next >= start) return bytes.subarray(this.next - start, this.next - start + longestHead);
    const rest = bytes.subarray(Math.max(0, this.next + this.head.length - start), longestHead);
    const head = new Uint8Array(this.head.length + rest.length);
    head.set(this.head);
    head.set(rest, this.head.length);
    return head;
  }
}

/** How many bytes of a file are whole. */
export async function wholeOf(file: Blob): Promise<number> {
  const boundary = new Boundary();
  const step = 1 << 20;
  for (let at = 0; at < file.size; at += step) boundary.add(new Uint8Array(await file.slice(at, at + step).arrayBuffer()));
  return boundary.whole;
}

interface Piece {
  bytes: number; // to go on
  whole: boolean; // may the file end after it?
}

function kindOf(head: Uint8Array): "matroska" | "mp4" | "other" {
  if (head[0] === 0x1a && head[1] === 0x45 && head[2] === 0xdf && head[3] === 0xa3) return "matroska";
  return String.fromCharCode(...head.subarray(4, 8)) === "ftyp" ? "mp4" : "other";
}

/** An element of Matroska; null while its head is not all there. */
function matroska(head: Uint8Array): Piece | null {
  const id = vint(head, 0, false);
  const size = id && vint(head, id.length, true);
  if (!id || !size) return null;
  const heads = id.length + size.length;
  // Browsers do not know how long a segment and its clusters will be.
  if (id.value === segment || (id.value === cluster && size.unknown)) return { bytes: heads, whole: false };
  return { bytes: heads + size.value, whole: id.value !== 0x1a45dfa3 };
}

/** A number of EBML (RFC 8794, 4). */
function vint(b: Uint8Array, at: number, size: boolean): { value: number; length: number; unknown: boolean } | null {
  const first = b[at];
  if (first === undefined || first === 0) return null;
  const length = Math.clz32(first) - 23;
  if (b.length < at + length) return null;
  let value = size ? first & ((1 << (8 - length)) - 1) : first;
  for (let i = 1; i < length; i++) value = value * 256 + (b[at + i] ?? 0);
  return { value, length, unknown: size && value === 2 ** (7 * length) - 1 };
}

/** A box of MP4: a fragment is whole with its media. */
function box(head: Uint8Array): Piece | null {
  if (head.length < 16) return null;
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const short = view.getUint32(0);
  const bytes = short === 1 ? Number(view.getBigUint64(8)) : short;
  const kind = String.fromCharCode(...head.subarray(4, 8));
  return bytes < 8 ? null : { bytes, whole: kind === "mdat" };
}
