/** What became of the device's own configuration, by which its operator made it a node. */
export const provision = {
  title: "Configuration",
  states: {
    empty: "There is no seed volume: the device is as you set it up.",
    current: "The device runs by its configuration.",
    kept: "The device runs by an earlier copy of its configuration.",
    refused: "The device started without a configuration.",
  } as Record<string, string>,
  which: (node: string, serial: string, until: string) => `${node}, number ${serial}, good until ${until}`,
  reasons: {
    SEED_UNREADABLE: "The seed volume cannot be read; make it anew.",
    SEED_INCOMPLETE:
      "The seed volume lacks the node’s name, its key or the signer’s public key; make it anew.",
    SEED_IGNITION: "The Ignition data is damaged, or asks for more than a seed can; make it anew.",
    SEED_NAME: "The name on the seed volume is none that a device can have; make it anew.",
    SEED_KEY: "The secret key on the seed volume is damaged; make it anew.",
    SEED_SIGNER: "The signer’s public key on the seed volume is damaged; make it anew.",
    SEED_SITE: "The site’s address on the seed volume is none; make it anew.",
    SEED_FOREIGN:
      "The seed volume is of another signer than the one this device belongs to, or the device had an owner before any seed came. Use the right one, or reset the device first.",
    SITE_UNREACHABLE: "The site did not answer.",
    SITE_UNKNOWN: "The site has no configuration for this device.",
    SITE_TOO_LARGE: "The site’s answer is larger than any configuration.",
    CONFIGURATION_SIGNATURE: "The configuration was not signed by its signer, or was damaged.",
    CONFIGURATION_SEALED: "The configuration was not sealed for this device.",
    CONFIGURATION_WRONG: "The configuration says what this release does not understand.",
    CONFIGURATION_FOREIGN: "The configuration is another device’s.",
    CONFIGURATION_EXPIRED: "The configuration has expired; its signer must make it anew.",
    CONFIGURATION_REPLAYED: "The configuration is older than one this device has had.",
    CONFIGURATION_MISSING: "The seed volume names no site and holds no configuration.",
    MEMORY_UNUSABLE: "What this device remembers of its configurations cannot be used.",
  } as Record<string, string>,
};
