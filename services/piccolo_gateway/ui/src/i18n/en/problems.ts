import { entry } from "./entry";
import { keeping } from "./keeping";
import { kinds } from "./kinds";
import { reasons } from "./reasons";

/** `facts`: the device's own sentence says more, such as which limit, and is not kept from anybody. */
export type Known = { what: string; next: string; facts?: boolean };

/** What happened and what to do, by reason; where a reason stands here, its words win over the device's own. */
export const problems: {
  kinds: Record<string, { what: string; next: string }>;
  known: Record<string, Known>;
} = {
  kinds,
  known: {
    ...reasons,
    ...entry,
    ...keeping,
    OFFLINE: {
      what: "The device does not answer.",
      next: "Look whether it is on, and in the same network; then try again.",
    },
    PASSPHRASE_WRONG: {
      what: "That is not the passphrase.",
      next: "Look at the keyboard’s language and Caps Lock, and try again.",
    },
    WORDS_CHECKSUM: {
      what: "These words do not fit together: one of them is another word, or two changed places.",
      next: "Compare each with your paper, letter by letter.",
    },
    WORDS_UNKNOWN: {
      what: "One of these words is not a recovery word.",
      next: "All are English words of the BIP-39 list; look for a slip of the pen.",
    },
    WORDS_COUNT: { what: "There must be 24 words.", next: "Type all of them, in the order of the paper." },
    NOT_ADMIN: { what: "Only an admin’s device can do this.", next: "Ask an admin of your circle." },
    LAST_ADMIN: {
      what: "The last admin cannot go.",
      next: "Wait until another member has become an admin: who joins becomes one, up to three.",
    },
    MEMBER_GONE: { what: "This member is out already.", next: "Nothing more is needed." },
    EPOCH_MOVED: {
      what: "The circle has changed meanwhile.",
      next: "Look at it as it is now, and do it again if it is still needed.",
    },
    TOO_MANY_INVITATIONS: { what: "Too many invitations are open.", next: "Revoke one that nobody needs." },
    CIRCLE_FROZEN: {
      what: "The circle’s membership is frozen: an admin’s key was used twice.",
      next: "Nothing is lost. Talk to the other admins; files can be read and stored meanwhile.",
    },
    FENCED: { what: "A newer device of yours took over from this one.", next: "Use the newer one." },
  },
};
