// Whether values are read strictly: what different readers of one text take for different values is a
// failure then. Set by whoever evaluates, before each evaluation.

export let isStrict: bool = false;

export function setStrict(strict: bool): void {
  isStrict = strict;
}
