// What a VM is told when it starts: the name of the one plugin that it is for, where several filters of one
// proxy are to keep their metrics apart (`ruleway compile --name`). Anything else says nothing.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { BufferType } from "../abi/numbers";
import { length, NONE } from "../bytes/span";
import { toString } from "../bytes/text";
import { nameFamily } from "../stream/counters";

const LONGEST: i32 = 64;

export function readVmName(size: i32): void {
  const name = host.bufferBytes(BufferType.VmConfiguration, 0, size, scratch);
  if (name != NONE && length(name) > 0 && length(name) <= LONGEST) nameFamily(toString(name));
}
