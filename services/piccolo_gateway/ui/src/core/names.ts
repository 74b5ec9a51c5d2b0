/** Names of files: their parts, which are free, and what they say of the content. */

export type Kind = "folder" | "image" | "video" | "audio" | "text" | "archive" | "file";

const KINDS: [Kind, RegExp][] = [
  ["image", /\.(jpe?g|png|gif|webp|avif|heic|bmp|tiff?|svg|raw|dng)$/i],
  ["video", /\.(mp4|m4v|mov|mkv|webm|avi)$/i],
  ["audio", /\.(mp3|m4a|flac|ogg|opus|wav|aac)$/i],
  ["archive", /\.(zip|tar|gz|xz|zst|7z|rar|bz2)$/i],
  ["text", /\.(txt|md|pdf|docx?|odt|rtf|tex|csv|xlsx?|ods|pptx?|odp|html?)$/i],
];
/* SVG is missing on purpose: it is a program more than a picture */
const SHOWN = /^image\/(jpeg|png|gif|webp|avif|bmp)$/;
const SHOWN_NAME = /\.(jpe?g|png|gif|webp|avif|bmp)$/i;
const OPENED = /^(image\/(?!svg)|audio\/|video\/|text\/plain$|application\/pdf$)/;

/** What a file probably is, by its media type, else by its name. */
export function kindOf(name: string, media: string): Kind {
  const top = media.split("/")[0];
  if (top === "image" || top === "video" || top === "audio" || top === "text") return top;
  return KINDS.find(([, pattern]) => pattern.test(name))?.[0] ?? "file";
}

/** Whether a browser may draw it as a picture that can do nothing else. */
export function drawable(name: string, media: string): boolean {
  return media ? SHOWN.test(plain(media)) : SHOWN_NAME.test(name);
}

/** Whether the device lets a browser show it in a tab of its own; all else is only downloaded. */
export function openable(media: string): boolean {
  return OPENED.test(plain(media));
}

/** A name before its extension, and the extension with its dot; hidden files have none. */
export function split(name: string): [stem: string, extension: string] {
  const dot = name.lastIndexOf(".");
  return dot > 0 && name.length - dot <= 12 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
}

/** The first of "name.txt", "name (2).txt", "name (3).txt"… that is not taken. */
export function freeName(name: string, taken: (name: string) => boolean): string {
  const [stem, extension] = split(name);
  for (let number = 2, tried = name; ; number += 1) {
    if (!taken(tried)) return tried;
    tried = `${stem} (${number})${extension}`;
  }
}

/** What is wrong with a name that somebody typed, as the device would judge it. */
export function flaw(name: string): "empty" | "slash" | "dots" | "long" | undefined {
  if (!name.trim()) return "empty";
  if (name.includes("/")) return "slash";
  if (name === "." || name === ".." || name.includes("\0")) return "dots";
  return new TextEncoder().encode(name.normalize("NFC")).length > 255 ? "long" : undefined;
}

function plain(media: string): string {
  return (media.split(";")[0] ?? "").trim().toLowerCase();
}
