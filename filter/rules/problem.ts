// How the compiling functions of this layer report what is wrong: they answer null or false and
// leave the problem here; the decoder adds the place. Configure time only.

export let code: string = "";
/** Byte offset inside the text that was compiled, or -1. */
export let offset: i32 = -1;
export let message: string = "";

/** Notes the problem and answers false. */
export function fail(newCode: string, at: i32, text: string): bool {
  code = newCode;
  offset = at;
  message = text;
  return false;
}
