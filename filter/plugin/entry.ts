// What every callback begins with. Managed garbage (of configurations that are gone) is collected then,
// when the wasm stack holds no references.

import { scratch } from "../abi/memory";

let mustCollect: bool = false;

export function enter(): void {
  scratch.reset();
  if (mustCollect) {
    mustCollect = false;
    __collect();
  }
}

/** On entry of the next callback. */
export function collectSoon(): void {
  mustCollect = true;
}
