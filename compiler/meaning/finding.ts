// What a check of the meaning says, and to whom.

import type { Source } from "../parse.ts";

export interface Finding {
  code: string;
  pointer: string;
  message: string;
  /** What to write instead. */
  hint?: string | undefined;
  /** It is about the key, not the value. */
  key?: boolean;
  severity?: "warning" | "note";
}

/** A check: what it finds in a file whose shape is right. */
export type Check = (source: Source) => Iterable<Finding>;
