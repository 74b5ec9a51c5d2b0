/** The list of recovery words and their checksum, loaded when somebody types words. */

import { COUNT } from "../core/words";

let loading: Promise<readonly string[]> | undefined;

/** The 2,048 English words of BIP-39. */
export function wordlist(): Promise<readonly string[]> {
  loading ??= import("@scure/bip39/wordlists/english.js").then(
    ({ wordlist: english }) => english,
    (failed: unknown) => {
      loading = undefined; // the device was away: the next who needs it asks again
      throw failed;
    },
  );
  return loading;
}

/** Whether 24 known words add up: a mistaken or misplaced one is found out before anything is sent. */
export async function addsUp(words: readonly string[]): Promise<boolean> {
  const [{ validateMnemonic }, list] = await Promise.all([import("@scure/bip39"), wordlist()]);
  return words.length === COUNT && validateMnemonic(words.join(" "), [...list]);
}
