/** What a phone's home screen shows: icons that are there, of the size that is said, and cut by no mask. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";

import { describe, expect, it } from "vitest";

const UI = join(import.meta.dirname, "..");
const BACKGROUND = [0x0e, 0x4f, 0x54];

interface Icon {
  src: string;
  sizes: string;
  type: string;
  purpose?: string;
}

const { icons } = JSON.parse(readFileSync(join(UI, "public/manifest.webmanifest"), "utf8")) as {
  icons: Icon[];
};
const drawn = icons.filter((one) => one.type === "image/png");

/** The size of a PNG without filters or interlacing, and its pixels. */
function read(src: string) {
  const file = readFileSync(join(UI, "public", src));
  expect(file.subarray(1, 4).toString()).toBe("PNG");
  const [width, height, colours] = [file.readUInt32BE(16), file.readUInt32BE(20), file[25]];
  const parts: Buffer[] = [];
  for (let at = 8; at < file.length; at += 12 + file.readUInt32BE(at))
    if (file.toString("latin1", at + 4, at + 8) === "IDAT")
      parts.push(file.subarray(at + 8, at + 8 + file.readUInt32BE(at)));
  const raw = inflateSync(Buffer.concat(parts));
  const size = colours === 6 ? 4 : 3;
  const pixel = (x: number, y: number) => [
    ...raw.subarray(y * (1 + width * size) + 1 + x * size).subarray(0, size),
  ];
  return { width, height, pixel };
}

describe("the icons of the manifest", () => {
  it("are there for every launcher: 192 and 512, plain and maskable", () => {
    const told = drawn.map((one) => `${one.sizes} ${one.purpose ?? "any"}`);
    expect(told.sort()).toEqual(["192x192 any", "192x192 maskable", "512x512 any", "512x512 maskable"]);
  });

  it.each(drawn)("have the size that is said: $src", ({ src, sizes }) => {
    const { width, height } = read(src);
    expect(`${width}x${height}`).toBe(sizes);
  });

  it.each(drawn.filter((one) => one.purpose === "maskable"))("lose nothing to a mask: $src", ({ src }) => {
    const { width, pixel } = read(src);
    const safe = 0.4 * width;
    for (let y = 0; y < width; y += 3)
      for (let x = 0; x < width; x += 3)
        if (Math.hypot(x - width / 2, y - width / 2) > safe) expect(pixel(x, y)).toEqual(BACKGROUND);
  });

  it("has one of its own for those who read no manifest, without clear corners", () => {
    const [, src] = /rel="apple-touch-icon" href="([^"]+)"/.exec(
      readFileSync(join(UI, "index.html"), "utf8"),
    ) as string[] as [string, string];
    const { width, pixel } = read(src);
    expect(width).toBe(180);
    expect(pixel(0, 0)).toEqual(BACKGROUND);
  });
});
