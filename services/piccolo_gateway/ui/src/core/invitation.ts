/** Invitations as people hand them on: a link, or a code of 26 characters (docs/storage-format.md, section 10). */

/** So many characters a message with an invitation may have. */
export const MESSAGE = 4000;

const LINK = /^piccolo:join\?c=[0-9A-Za-z-]+&e=[^&#\s]{1,1024}&f=[0-9a-f]{64}$/;
const CODE = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** The invitation in a text as the device takes it; undefined when it cannot be one. */
export function readInvitation(text: string): string | undefined {
  const plain = text.trim();
  const link = /piccolo:join\S+/.exec(plain)?.[0];
  if (link !== undefined) return LINK.test(link) ? link : undefined;
  const code = plain.toUpperCase().replace(/[\s-]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");
  return CODE.test(code) ? code : undefined;
}
