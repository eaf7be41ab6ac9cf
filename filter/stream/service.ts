// A service of a document: where callouts go.

import { NONE, Span } from "../bytes/span";

@final
export class Service {
  cluster: Span = NONE;
  authority: Span = NONE;
  timeoutMs: i32 = 500;
}
