// What is done with the path of a request before anything is judged by it (`settings.paths`).

import { EscapedSlashes } from "../http/path";

@final
export class PathPolicy {
  /** The normal form of a path goes on in its place. */
  normalises: bool = true;
  /** Runs of slashes go on as one. */
  mergesSlashes: bool = false;
  escapedSlashes: EscapedSlashes = EscapedSlashes.Keep;

  get unescapesSlashes(): bool {
    return this.escapedSlashes == EscapedSlashes.Unescape;
  }
}
