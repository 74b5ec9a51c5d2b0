/**
 * The small picture that cameras put into the head of a JPEG (Exif 2.3, IFD 1): a preview of a photograph for 64 KiB
 * instead of all of it. What the head says is not trusted: every place is checked before it is read.
 */

const APP1 = 0xffe1;
const SCAN = 0xffda;
const OFFSET_TAG = 0x0201;
const LENGTH_TAG = 0x0202;
const EXIF = 0x45786966;

/** The bytes of the small picture, itself a JPEG; undefined when the head holds none, or not all of it. */
export function thumbnail(head: ArrayBuffer): Uint8Array<ArrayBuffer> | undefined {
  const view = new DataView(head);
  if (view.byteLength < 4 || view.getUint16(0) !== 0xffd8) return undefined;
  let at = 2;
  while (at + 10 <= view.byteLength) {
    const marker = view.getUint16(at);
    const length = view.getUint16(at + 2);
    if (marker === SCAN || (marker & 0xff00) !== 0xff00 || length < 2) return undefined;
    if (marker === APP1 && view.getUint32(at + 4) === EXIF) return inExif(view, at + 10);
    at += 2 + length;
  }
  return undefined;
}

function inExif(view: DataView, base: number): Uint8Array<ArrayBuffer> | undefined {
  if (base + 8 > view.byteLength) return undefined;
  const little = view.getUint16(base) === 0x4949;
  const first = directory(view, base, base + view.getUint32(base + 4, little), little);
  if (!first?.next) return undefined;
  const second = directory(view, base, base + first.next, little);
  const offset = second?.fields.get(OFFSET_TAG);
  const length = second?.fields.get(LENGTH_TAG);
  if (!offset || !length || base + offset + length > view.byteLength) return undefined;
  return new Uint8Array(view.buffer as ArrayBuffer).slice(base + offset, base + offset + length);
}

function directory(view: DataView, base: number, at: number, little: boolean) {
  if (at < base || at + 2 > view.byteLength) return undefined;
  const count = view.getUint16(at, little);
  const end = at + 2 + count * 12;
  if (end + 4 > view.byteLength) return undefined;
  const fields = new Map<number, number>();
  for (let field = at + 2; field < end; field += 12) {
    fields.set(view.getUint16(field, little), view.getUint32(field + 8, little));
  }
  return { fields, next: view.getUint32(end, little) };
}
