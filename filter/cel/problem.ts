// Why the last source was refused. One at a time: compiling is synchronous, and whoever asked reads the
// answer before compiling the next.

export const enum Stage {
  None,
  Syntax,
  /** A name that stands for nothing. */
  Name,
  Check,
  /** A regular expression that is none. */
  Pattern,
  Limit,
}

export let stage: Stage = Stage.None;
/** Byte offset in the source. */
export let offset: i32 = 0;
export let message: string = "";

export function clear(): void {
  stage = Stage.None;
  offset = 0;
  message = "";
}

/** Notes the problem unless there is one already: the first is the one to mend. */
export function fail(at: i32, text: string, newStage: Stage): void {
  if (stage != Stage.None) return;
  stage = newStage;
  offset = at;
  message = text;
}
