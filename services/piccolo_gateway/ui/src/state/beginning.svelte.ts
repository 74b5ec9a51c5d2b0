/**
 * What was answered before anybody is in. Only what is no secret outlives the page: the device's name, and an
 * invitation while it is being accepted, which is good once and forgotten at the end.
 */

import type { Facts } from "../core/welcome";
import { COUNT } from "../core/words";

const NAME = "piccolo.beginning.name";
const INVITATION = "piccolo.beginning.invitation";

class Beginning {
  name = $state(sessionStorage.getItem(NAME) ?? "");
  invitation = $state(sessionStorage.getItem(INVITATION) ?? "");
  code = $state("");
  /** The reason for which the device refused the code. */
  codeRefused = $state("");
  words = $state.raw<string[]>([]);
  ask = $state.raw<number[]>([]);
  backWords = $state.raw<string[]>(Array<string>(COUNT).fill(""));
  backPassphrase = $state("");
  passphraseRefused = $state({ of: "", reason: "" });
  backName = $state("");
  contacts = $state("");
  fromCircle = $state(false);
  /** The number of a restore point, as it was typed; empty for the newest. */
  point = $state("");
  /** Whether the owner goes on although the backup is doubted. */
  accepted = $state(false);

  get given(): Facts["given"] {
    return {
      name: this.name !== "",
      code: this.code !== "",
      words: this.words.length > 0,
      backWords: this.backWords.every(Boolean),
      backPassphrase: this.backPassphrase !== "",
    };
  }

  call(name: string): void {
    this.name = name;
    keep(NAME, name);
  }

  accept(invitation: string): void {
    this.invitation = invitation;
    keep(INVITATION, invitation);
  }

  /** Forgets all secrets: what they were given for is done. */
  forget(): void {
    this.code = this.codeRefused = this.backPassphrase = this.point = "";
    this.words = [];
    this.backWords = Array<string>(COUNT).fill("");
    this.accepted = false;
    this.accept("");
  }
}

function keep(key: string, value: string): void {
  if (value) sessionStorage.setItem(key, value);
  else sessionStorage.removeItem(key);
}

export const beginning = new Beginning();
