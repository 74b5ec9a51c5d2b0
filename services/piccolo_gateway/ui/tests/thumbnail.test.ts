import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { thumbnail } from "../src/core/thumbnail";

const SMALL = [0xff, 0xd8, 1, 2, 3, 0xff, 0xd9];

/** A JPEG's head with an Exif segment of two directories, the second with a small picture. */
function head(little: boolean, cut = 0): ArrayBuffer {
  const tiff = new DataView(new ArrayBuffer(8 + 6 + 2 + 24 + 4 + SMALL.length));
  tiff.setUint16(0, little ? 0x4949 : 0x4d4d);
  tiff.setUint16(2, 42, little);
  tiff.setUint32(4, 8, little);
  tiff.setUint16(8, 0, little);
  tiff.setUint32(10, 14, little);
  tiff.setUint16(14, 2, little);
  [0x0201, 0x0202].forEach((tag, index) => {
    tiff.setUint16(16 + index * 12, tag, little);
    tiff.setUint16(18 + index * 12, 4, little);
    tiff.setUint32(20 + index * 12, 1, little);
    tiff.setUint32(24 + index * 12, index ? SMALL.length : 44, little);
  });
  SMALL.forEach((byte, index) => tiff.setUint8(44 + index, byte));
  const length = 2 + 6 + tiff.byteLength;
  const bytes = [0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xe1, length >> 8, length & 255];
  bytes.push(0x45, 0x78, 0x69, 0x66, 0, 0, ...new Uint8Array(tiff.buffer));
  return new Uint8Array(bytes.slice(0, bytes.length - cut)).buffer;
}

describe("the small picture in a photograph's head", () => {
  it("is found in both byte orders, behind other segments", () => {
    expect([...thumbnail(head(true))!]).toEqual(SMALL);
    expect([...thumbnail(head(false))!]).toEqual(SMALL);
  });

  it("is nothing when it is not whole, and never more than the head", () => {
    for (let cut = 1; cut < 60; cut++) expect(thumbnail(head(true, cut))).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(60), (noise, at) => {
        const bytes = new Uint8Array(head(true));
        bytes.set(noise.slice(0, bytes.length - at), at);
        const found = thumbnail(bytes.buffer);
        if (found) expect(found.length).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 1000 },
    );
  });
});
