// A share of streams, drawn by lot or by the hash of a key.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { length, NONE } from "../bytes/span";
import * as siphash from "../crypto/siphash";
import { Scope } from "../rules/expression";
import { Absent, Template } from "../rules/template";

/** Parts of a million. */
export const ALL: u32 = 1_000_000;

const draw = heap.alloc(4);

@final
export class Sample {
  /** Of one key it is always or never drawn, wherever the filter runs; null: by lot. */
  key: Template | null = null;

  /** `share`: how many of a million. */
  constructor(readonly share: u32) {}

  isDrawn(scope: Scope): bool {
    if (this.share >= ALL) return true;
    const template = this.key;
    const key = template == null ? NONE : template.evaluate(scope, Absent.Skips, scratch);
    if (key != NONE && length(key) > 0) {
      // The same everywhere, so the hash has no secret; whoever chooses keys chooses.
      siphash.siphash(0, 0, key);
      return siphash.low % ALL < this.share;
    }
    return host.random(draw, 4) && load<u32>(draw) % ALL < this.share;
  }
}

export const everything: Sample = new Sample(ALL);
