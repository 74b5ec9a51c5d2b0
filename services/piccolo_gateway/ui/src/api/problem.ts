/** A failure as the gateway tells it: RFC 9457, with a reason for programs and a next step for people. */

interface Told {
  status?: number;
  reason?: string;
  detail?: string;
  next_step?: string;
  incident?: string;
  kind?: string;
  details?: Record<string, string>;
}

export class Problem extends Error {
  readonly aborted: boolean;

  constructor(
    readonly status: number,
    readonly reason: string,
    readonly detail: string,
    readonly nextStep = "",
    readonly incident = "",
    readonly details: Record<string, string> = {},
    readonly retryAfter = 0,
    /** What sort of failure it is, as the device's services tell it. */
    readonly kind = "",
  ) {
    super(detail);
    this.name = "Problem";
    this.aborted = reason === "ABORTED";
  }

  /** What stands for an answer that never came. */
  static offline(cause: unknown): Problem {
    const aborted = cause instanceof DOMException && cause.name === "AbortError";
    return new Problem(0, aborted ? "ABORTED" : "OFFLINE", String(cause));
  }
}

/** The problem of an answer that is none of the good ones. */
export function problemOf(response: Response, body: unknown): Problem {
  const told = (typeof body === "object" && body !== null ? body : {}) as Told;
  return new Problem(
    response.status,
    told.reason ?? "UNKNOWN",
    told.detail ?? `${response.status} ${response.statusText}`,
    told.next_step,
    told.incident,
    told.details,
    Number(response.headers.get("Retry-After") ?? 0),
    told.kind,
  );
}
