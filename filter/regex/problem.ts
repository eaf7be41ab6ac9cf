// Why the last pattern was refused. One at a time: compiling is synchronous, and whoever asked reads
// the answer before compiling the next. Codes are never renumbered.

export const enum Problem {
  None = 0,
  PatternTooLong = 1,
  InvalidUtf8 = 2,
  MissingParen = 3,
  UnexpectedParen = 4,
  MissingBracket = 5,
  BadRange = 6,
  BadEscape = 7,
  TrailingBackslash = 8,
  NothingToRepeat = 9,
  RepeatOfRepeat = 10,
  RepeatTooLarge = 11,
  BadGroup = 12,
  BadGroupName = 13,
  NestedTooDeep = 14,
  TooLarge = 15,
  UnknownClass = 16,
  BadTemplate = 17,
  OutOfMemory = 18,
}

let code: Problem = Problem.None;
let offset: i32 = 0;

export function report(problem: Problem, at: i32): void {
  code = problem;
  offset = at;
}

export function clear(): void {
  code = Problem.None;
  offset = 0;
}

export function errorCode(): i32 {
  return code;
}

/** Where in the pattern, in bytes. */
export function errorOffset(): i32 {
  return offset;
}

/** What is wrong, in words for the author of the pattern. */
export function errorText(): string {
  switch (code) {
    case Problem.None:
      return "";
    case Problem.PatternTooLong:
      return "the pattern is longer than 65536 bytes";
    case Problem.InvalidUtf8:
      return "the pattern is not valid UTF-8";
    case Problem.MissingParen:
      return "a group is not closed: missing )";
    case Problem.UnexpectedParen:
      return "unexpected )";
    case Problem.MissingBracket:
      return "a character class is not closed: missing ]";
    case Problem.BadRange:
      return "a range in a character class ends before it begins";
    case Problem.BadEscape:
      return "unknown escape";
    case Problem.TrailingBackslash:
      return "a backslash at the end of the pattern";
    case Problem.NothingToRepeat:
      return "nothing to repeat";
    case Problem.RepeatOfRepeat:
      return "a repetition of a repetition needs a group";
    case Problem.RepeatTooLarge:
      return "a counted repetition must be in order and at most 1000, nested ones multiplied";
    case Problem.BadGroup:
      return "unknown group syntax; look-around and back references are not supported";
    case Problem.BadGroupName:
      return "a group name is made of letters, digits and _";
    case Problem.NestedTooDeep:
      return "groups are nested more than 1000 deep";
    case Problem.TooLarge:
      return "the pattern needs too large a program";
    case Problem.UnknownClass:
      return "unknown character class";
    case Problem.BadTemplate:
      return "the replacement names a group that the pattern does not have";
    case Problem.OutOfMemory:
      return "the configuration takes more memory than it may, up to this pattern";
    default:
      return "";
  }
}
