/** Passkeys (WebAuthn level 3): the browser's part of a ceremony. */

import type { Schemas } from "./client";

/** The browser gave no passkey: refused, timed out, or none fits. */
export class CeremonyError extends Error {}

/** Whether this browser knows passkeys, and their JSON. */
export function passkeysKnown(): boolean {
  return typeof PublicKeyCredential === "function" && "parseCreationOptionsFromJSON" in PublicKeyCredential;
}

/** A new passkey, where the person lets the browser keep it. Raises CeremonyError. */
export async function registration(options: object): Promise<Schemas["Registration"]> {
  try {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(
      options as PublicKeyCredentialCreationOptionsJSON,
    );
    const made = await navigator.credentials.create({ publicKey });
    if (made instanceof PublicKeyCredential) return made.toJSON() as Schemas["Registration"];
  } catch (failed) {
    throw new CeremonyError(String(failed));
  }
  throw new CeremonyError("no passkey");
}

/** What a passkey says to a challenge's options. Raises CeremonyError. */
export async function assertion(options: object): Promise<Schemas["Assertion"]> {
  try {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(
      options as PublicKeyCredentialRequestOptionsJSON,
    );
    const made = await navigator.credentials.get({ publicKey });
    if (made instanceof PublicKeyCredential) return made.toJSON() as Schemas["Assertion"];
  } catch (failed) {
    throw new CeremonyError(String(failed));
  }
  throw new CeremonyError("no passkey");
}
