/**
 * Secrets between this browser and the vault: HPKE (RFC 9180, base mode; X25519, HKDF-SHA-256, AES-256-GCM), `enc | ct`
 * in base64, with what they are for as info (docs/storage-format.md). The gateway carries them and cannot read them.
 */

import { Aes256Gcm, CipherSuite, HkdfSha256 } from "@hpke/core";
import { DhkemX25519HkdfSha256 } from "@hpke/dhkem-x25519";

import { answer, api } from "./client";

export type Purpose = "passphrase" | "new-passphrase" | "words" | "confirmation";

const ENC_BYTES = 32;
const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm(),
});

/** Text sealed to the vault's key of this boot, for one purpose. */
export async function seal(purpose: Purpose, text: string): Promise<string> {
  const { public_key } = await answer(api.GET("/api/v1/boot-key"));
  const recipientPublicKey = await suite.kem.deserializePublicKey(fromBase64(public_key));
  const sender = await suite.createSenderContext({ recipientPublicKey, info: info(purpose) });
  const sealed = await sender.seal(new TextEncoder().encode(text).buffer);
  return toBase64(new Uint8Array([...new Uint8Array(sender.enc), ...new Uint8Array(sealed)]));
}

/** A key of this page's own, for one answer that only it may read. */
export async function replyKey(): Promise<{ publicKey: string; open: (sealed: string) => Promise<string> }> {
  const pair = await suite.kem.generateKeyPair();
  return {
    publicKey: toBase64(new Uint8Array(await suite.kem.serializePublicKey(pair.publicKey))),
    open: async (sealed) => {
      const raw = new Uint8Array(fromBase64(sealed));
      const enc = raw.slice(0, ENC_BYTES).buffer;
      const receiver = await suite.createRecipientContext({ recipientKey: pair, enc, info: info("words") });
      return new TextDecoder().decode(await receiver.open(raw.slice(ENC_BYTES).buffer));
    },
  };
}

function info(purpose: Purpose): ArrayBuffer {
  return new TextEncoder().encode(`piccolo/client/v1/${purpose}`).buffer as ArrayBuffer;
}

function toBase64(raw: Uint8Array): string {
  return btoa(String.fromCharCode(...raw));
}

function fromBase64(text: string): ArrayBuffer {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer;
}
