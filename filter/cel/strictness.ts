// How strictly values are read that different readers of one text take for different values. Set by
// whoever evaluates, before each evaluation.

export const enum Strictness {
  /** As edits read: the first, or the usual one. */
  None,
  /** The same, but it is counted: somebody may judge by what comes of it. */
  Watched,
  /** It is a failure. */
  Full,
}

export let strictness: Strictness = Strictness.None;

/** How often something was read that readers do not agree on; whoever asks compares. */
export let doubts: u32 = 0;

export function setStrictness(strict: Strictness): void {
  strictness = strict;
}

/** Notes that readers do not agree on what was read; whether that is a failure. */
export function doubt(): bool {
  doubts++;
  return strictness == Strictness.Full;
}
