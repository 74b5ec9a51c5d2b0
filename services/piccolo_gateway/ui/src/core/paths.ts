/** Owner's paths: absolute, `/` between names; and how they stand in addresses. */

/** A path as a part of an address, without its first slash; each name percent-encoded. */
export function toAddress(path: string): string {
  return path.split("/").filter(Boolean).map(encodeURIComponent).join("/");
}

/** The path that a part of an address stands for. */
export function fromAddress(address: string): string {
  const names = address.split("/").filter(Boolean).map(decoded);
  return names.length ? `/${names.join("/")}` : "/";
}

/** The last name of a path; empty for the root. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The directory that a path lies in. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** A name below a directory. */
export function join(directory: string, name: string): string {
  return directory === "/" ? `/${name}` : `${directory}/${name}`;
}

/** Every directory from the root down to a path, the path included. */
export function trail(path: string): string[] {
  const names = path.split("/").filter(Boolean);
  return ["/", ...names.map((_, index) => `/${names.slice(0, index + 1).join("/")}`)];
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
