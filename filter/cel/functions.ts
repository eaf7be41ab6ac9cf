// The functions that expressions may call: their names, what they take and give, and how many of each there
// are for the machine. What they do is in machine.ts (operators) and library/.

import * as types from "./types";
import { Type } from "./types";

/** Numbers of functions, in the order of TABLE. */
export const enum Fn {
  // Operators.
  Add,
  Subtract,
  Multiply,
  Divide,
  Modulo,
  Negate,
  Not,
  Equal,
  NotEqual,
  Less,
  LessOrEqual,
  Greater,
  GreaterOrEqual,
  In,
  // Members of text that are answered for something absent: the questions with no …
  StartsWith,
  EndsWith,
  Contains,
  Matches,
  // … the others with something absent.
  CharAt,
  LowerAscii,
  Replace,
  Split,
  Substring,
  Trim,
  UpperAscii,
  IndexOf,
  LastIndexOf,
  // The standard library.
  Reverse,
  Size,
  ToBool,
  ToBytes,
  ToDouble,
  ToDuration,
  ToDyn,
  ToInt,
  ToString,
  ToTimestamp,
  ToType,
  ToUint,
  GetDate,
  GetDayOfMonth,
  GetDayOfWeek,
  GetDayOfYear,
  GetFullYear,
  GetHours,
  GetMilliseconds,
  GetMinutes,
  GetMonth,
  GetSeconds,
  // Strings.
  Format,
  Join,
  Quote,
  // Lists and sets.
  Distinct,
  Flatten,
  Slice,
  Sort,
  SortByKeys,
  Range,
  First,
  Last,
  SetsContains,
  SetsEquivalent,
  SetsIntersects,
  // Math.
  Greatest,
  Least,
  Ceil,
  Floor,
  Round,
  Trunc,
  Abs,
  Sign,
  Sqrt,
  IsNaN,
  IsInf,
  IsFinite,
  BitAnd,
  BitOr,
  BitXor,
  BitNot,
  BitShiftLeft,
  BitShiftRight,
  // Optionals.
  OptionalOf,
  OptionalOfNonZero,
  OptionalNone,
  HasValue,
  OptionalValue,
  OptionalOr,
  OptionalOrValue,
  Unwrap,
  UnwrapMember,
  // Network.
  ToIp,
  IsIp,
  IsCanonical,
  Family,
  IsUnspecified,
  IsLoopback,
  IsGlobalUnicast,
  IsLinkLocalMulticast,
  IsLinkLocalUnicast,
  ToCidr,
  IsCidr,
  ContainsIp,
  ContainsCidr,
  Masked,
  PrefixLength,
  IsMask,
  // Regular expressions.
  RegexReplace,
  RegexExtract,
  RegexExtractAll,
  // Codecs, hashes and the rest of ours.
  Base64Encode,
  Base64Decode,
  Base64UrlEncode,
  Base64UrlDecode,
  HexEncode,
  HexDecode,
  UrlEncode,
  UrlDecode,
  JsonParse,
  JsonEncode,
  HttpDate,
  HttpParseDate,
  HashMd5,
  HashSha1,
  HashSha256,
  HashSha384,
  HashSha512,
  HashCrc32,
  HmacMd5,
  HmacSha1,
  HmacSha256,
  HmacSha384,
  HmacSha512,
  Glob,
  Default,
  WeightedSplit,
  Uuid,
  Random,
  /** No function. */
  None,
}

/** The first and the last that are answered for something absent. */
export const FIRST_OF_TEXT: i32 = Fn.StartsWith;
export const LAST_QUESTION: i32 = Fn.Matches;
export const LAST_OF_TEXT: i32 = Fn.LastIndexOf;
/** From here on: not the same at any time. */
export const FIRST_VOLATILE: i32 = Fn.Uuid;

// A line for each: the name, then the overloads. An overload is the types of the arguments, then of the
// result; with a dot before, it is called as a member of the first. Types: b bool, i int, u uint,
// d double, s string, y bytes, t timestamp, D duration, * dyn, I net.IP, C net.CIDR, A and B
// parameters, L list of, M map of two, O optional of, T type of.
const TABLE = `_+_ iii uuu ddd sss yyy LALALA ttt tDt Dtt DDD
_-_ iii uuu ddd ttD tDt DDD
_*_ iii uuu ddd
_/_ iii uuu ddd
_%_ iii uuu
-_ ii dd
!_ bb
_==_ AAb
_!=_ AAb
_<_ bbb iib iub idb uib uub udb dib dub ddb ssb yyb ttb DDb
_<=_ bbb iib iub idb uib uub udb dib dub ddb ssb yyb ttb DDb
_>_ bbb iib iub idb uib uub udb dib dub ddb ssb yyb ttb DDb
_>=_ bbb iib iub idb uib uub udb dib dub ddb ssb yyb ttb DDb
@in ALAb AMABb
startsWith .ssb
endsWith .ssb
contains .ssb
matches .ssb ssb
charAt .sis
lowerAscii .ss
replace .ssss .sssis
split .ssLs .ssiLs
substring .sis .siis
trim .ss
upperAscii .ss
indexOf .ssi .ssii
lastIndexOf .ssi .ssii
reverse .ss .LALA
size si yi LAi MABi .si .yi .LAi .MABi
bool bb sb
bytes yy sy
double dd id ud sd
duration DD sD
dyn A*
int ii ui di si ti
string ss is us ds bs ys ts Ds Is Cs
timestamp tt st it
type ATA
uint uu iu du su
getDate .ti .tsi
getDayOfMonth .ti .tsi
getDayOfWeek .ti .tsi
getDayOfYear .ti .tsi
getFullYear .ti .tsi
getHours .ti .tsi .Di
getMilliseconds .ti .tsi .Di
getMinutes .ti .tsi .Di
getMonth .ti .tsi
getSeconds .ti .tsi .Di
format .sL*s
join .Lss .Lsss
strings.quote ss
distinct .LALA
flatten .L*L* .L*iL*
slice .LAiiLA
sort .LALA
@sortBy LALBLA
lists.range iLi
first .LAOA
last .LAOA
sets.contains LALAb
sets.equivalent LALAb
sets.intersects LALAb
math.greatest
math.least
math.ceil dd
math.floor dd
math.round dd
math.trunc dd
math.abs ii uu dd
math.sign ii uu dd
math.sqrt dd id ud
math.isNaN db
math.isInf db
math.isFinite db
math.bitAnd iii uuu
math.bitOr iii uuu
math.bitXor iii uuu
math.bitNot ii uu
math.bitShiftLeft iii uiu
math.bitShiftRight iii uiu
optional.of AOA
optional.ofNonZeroValue AOA
optional.none OA
hasValue .OAb
value .OAA
or .OAOAOA
orValue .OAAA
optional.unwrap LOALA
unwrapOpt .LOALA
ip sI .CI
isIP sb
ip.isCanonical sb
family .Ii
isUnspecified .Ib
isLoopback .Ib
isGlobalUnicast .Ib
isLinkLocalMulticast .Ib
isLinkLocalUnicast .Ib
cidr sC
isCIDR sb
containsIP .CIb .Csb
containsCIDR .CCb .Csb
masked .CC
prefixLength .Ci
isMask .Cb
regex.replace ssss sssis
regex.extract ssOs
regex.extractAll ssLs
base64.encode ys
base64.decode sy
base64url.encode ys ss
base64url.decode sy
hex.encode ys ss
hex.decode sy
url.encode ss
url.decode ss
json.parse s* y*
json.encode As
http.date ts
http.parseDate st
hash.md5 sy yy
hash.sha1 sy yy
hash.sha256 sy yy
hash.sha384 sy yy
hash.sha512 sy yy
hash.crc32 si yi
hmac.md5 ssy syy ysy yyy
hmac.sha1 ssy syy ysy yyy
hmac.sha256 ssy syy ysy yyy
hmac.sha384 ssy syy ysy yyy
hmac.sha512 ssy syy ysy yyy
glob ssb .ssb
default AAA OAAA
split sMsis
uuid s
random d`;

@final
export class Overload {
  /** It has type parameters, to be found out for each call. */
  readonly isGeneric: bool;

  constructor(
    readonly isMember: bool,
    readonly parameters: Type[],
    readonly result: Type,
  ) {
    let generic = types.isGeneric(result);
    for (let i = 0; i < parameters.length; i++) generic = generic || types.isGeneric(parameters[i]);
    this.isGeneric = generic;
  }
}

@final
export class FunctionEntry {
  readonly overloads: Overload[] = [];

  constructor(
    readonly name: string,
    readonly fn: Fn,
  ) {}
}

const entries: FunctionEntry[] = [];

/** All functions, by their number. Made on first use: a filter without expressions does not pay. */
export function table(): FunctionEntry[] {
  if (entries.length == 0) {
    const lines = TABLE.split("\n");
    for (let i = 0; i < lines.length; i++) {
      const words = lines[i].split(" ");
      const entry = new FunctionEntry(words[0], i as Fn);
      for (let j = 1; j < words.length; j++) entry.overloads.push(overload(words[j]));
      entries.push(entry);
    }
  }
  return entries;
}

/** The functions of that name: a name may be that of several. */
export function named(name: string): FunctionEntry[] {
  const all = table();
  const found: FunctionEntry[] = [];
  for (let i = 0; i < all.length; i++) {
    if (all[i].name == name) found.push(all[i]);
  }
  return found;
}

let cursor: i32 = 0;

function overload(word: string): Overload {
  const isMember = word.charCodeAt(0) == 0x2e;
  cursor = isMember ? 1 : 0;
  const parts: Type[] = [];
  while (cursor < word.length) parts.push(typeIn(word));
  const result = parts.pop();
  return new Overload(isMember, parts, result);
}

function typeIn(word: string): Type {
  switch (word.charCodeAt(cursor++)) {
    case 0x62:
      return types.bool_;
    case 0x69:
      return types.int;
    case 0x75:
      return types.uint;
    case 0x64:
      return types.double;
    case 0x73:
      return types.string_;
    case 0x79:
      return types.bytes;
    case 0x74:
      return types.timestamp;
    case 0x44:
      return types.duration;
    case 0x49:
      return types.ip;
    case 0x43:
      return types.cidr;
    case 0x41:
      return new Type(types.TypeKind.Parameter, "A");
    case 0x42:
      return new Type(types.TypeKind.Parameter, "B");
    case 0x4c:
      return types.list(typeIn(word));
    case 0x4d: {
      const key = typeIn(word);
      return types.map(key, typeIn(word));
    }
    case 0x4f:
      return types.optional(typeIn(word));
    case 0x54:
      return types.typeOf(typeIn(word));
    default:
      return types.dyn;
  }
}
