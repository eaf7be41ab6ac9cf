// How an evaluation fails: a code, and the place in the source. Failures are values while `&&`, `||`,
// `all` and `exists` may still absorb them; texts are made only when somebody reads them.

export const enum Failure {
  None,
  NoSuchOverload,
  NoSuchKey,
  NoSuchAttribute,
  NoSuchFunction,
  IndexOutOfRange,
  Overflow,
  DivideByZero,
  BadConversion,
  OutOfRange,
  BadPattern,
  TooManyPatterns,
  BadTemplate,
  BadFormat,
  BadArgument,
  RepeatedKey,
  NoValue,
  NotUtf8,
  BadJson,
  /** The value has none in JSON. */
  NoForm,
  BadAddress,
  BadTimeZone,
  /** The activation has it, but cannot give it. */
  Unreadable,
  /** Nobody can tell from where the client speaks, or which host it wants. */
  UnknownClient,
  UnknownHost,
  BadForm,
  /** A variable whose value nobody knows. */
  Unset,
  /** It is there several times, with values that differ, and one was asked for. */
  SeveralValues,
  /** It is there, and servers differ in what it says. */
  Ambiguous,
  NotACondition,
  /** Nothing absorbs these two. */
  Budget,
  Memory,
}

/** What went wrong, in words for the author of the expression. */
export function failureText(failure: Failure): string {
  switch (failure) {
    case Failure.NoSuchOverload:
      return "no such overload: the values have types that do not go together here";
    case Failure.NoSuchKey:
      return "no such key";
    case Failure.NoSuchAttribute:
      return "undeclared reference: nothing has this name";
    case Failure.NoSuchFunction:
      return "there is no such function";
    case Failure.IndexOutOfRange:
      return "index out of range";
    case Failure.Overflow:
      return "the number is out of range (overflow)";
    case Failure.DivideByZero:
      return "divide by zero";
    case Failure.BadConversion:
      return "the value cannot be converted to that type";
    case Failure.OutOfRange:
      return "the timestamp or duration is out of range";
    case Failure.BadPattern:
      return "the pattern is not a regular expression of RE2 syntax, or has too many groups";
    case Failure.TooManyPatterns:
      return "too many different patterns were made at run time";
    case Failure.BadTemplate:
      return "the replacement is not valid for this pattern";
    case Failure.BadFormat:
      return "the format and the values do not go together";
    case Failure.BadArgument:
      return "an argument is out of range";
    case Failure.RepeatedKey:
      return "a map has this key twice";
    case Failure.NoValue:
      return "the optional has no value";
    case Failure.NotUtf8:
      return "the bytes are not valid UTF-8";
    case Failure.BadJson:
      return "the text is not JSON";
    case Failure.NoForm:
      return "the value has no form in JSON: there is NaN, infinity or a type in it";
    case Failure.BadAddress:
      return "not an IP address or CIDR of the form that is expected";
    case Failure.BadTimeZone:
      return "there is no such time zone";
    case Failure.Unreadable:
      return "the body is there but cannot be read: it is compressed, too large, a tunnel's, or not in UTF-8";
    case Failure.UnknownClient:
      return "the client's address cannot be known from what came";
    case Failure.UnknownHost:
      return "the request's Host is no authority (RFC 3986 3.2)";
    case Failure.BadForm:
      return "the body is not a form, urlencoded or multipart";
    case Failure.Unset:
      return "nobody knows its value: what should have set it failed, there was no answer, or the host does not give it";
    case Failure.SeveralValues:
      return "it is there several times, with different values: the names with _values have all of them";
    case Failure.Ambiguous:
      return "it is written in a way that servers read differently";
    case Failure.NotACondition:
      return "a condition must be true or false";
    case Failure.Budget:
      return "the expression exceeds its cost budget";
    case Failure.Memory:
      return "there is no memory left for the expression";
    default:
      return "";
  }
}
