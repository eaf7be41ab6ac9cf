// What every callback begins with. Managed garbage (of configurations that are gone) is collected then,
// when the wasm stack holds no references.

import { scratch } from "../abi/memory";
import * as memoryBudget from "../bytes/arena";
import { settle } from "../bytes/heap";
import { beginCallback } from "../regex/index";
import { hasGarbage, setGarbage } from "../stream/program";

export function enter(): void {
  scratch.reset();
  memoryBudget.begin();
  beginCallback();
  if (hasGarbage) {
    setGarbage(false);
    __collect();
    settle();
  }
}
