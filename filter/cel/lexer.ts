// The tokens of an expression, by the lexical rules of the CEL specification. One token is looked at at a
// time; its text is a slice of the source, and literals are decoded when the parser asks.

import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import {
  address,
  byteAtUnchecked,
  end,
  length,
  NONE,
  Span,
  sliceUnchecked,
  span,
} from "../bytes/span";
import { copy, equalsText } from "../bytes/text";
import * as utf8 from "../bytes/utf8";
import { Writer } from "../bytes/writer";
import { clear, fail, Stage } from "./problem";

export const enum Token {
  End,
  Identifier,
  /** `quoted-name`, between backticks, which are not part of the text. */
  Quoted,
  Int,
  Uint,
  Double,
  String,
  Bytes,
  True,
  False,
  Null,
  In,
  // Punctuation.
  Question,
  Colon,
  Or,
  And,
  Equal,
  NotEqual,
  Less,
  LessOrEqual,
  Greater,
  GreaterOrEqual,
  Plus,
  Minus,
  Star,
  Slash,
  Percent,
  Not,
  Dot,
  Comma,
  LeftParen,
  RightParen,
  LeftBracket,
  RightBracket,
  LeftBrace,
  RightBrace,
  /** The source is not well formed from here on; the problem is noted. */
  Bad,
}

@final
export class Lexer {
  token: Token = Token.End;
  /** Offset of the token. */
  at: i32 = 0;
  /** Offset after it. */
  to: i32 = 0;
  private readonly size: i32;
  // Of a string: whether it is raw, and where the text between its quotes lies.
  private isRaw: bool = false;
  private from: i32 = 0;
  private till: i32 = 0;

  constructor(private readonly source: Span) {
    this.size = length(source);
    this.next();
  }

  /** The text of the token. */
  get text(): Span {
    return this.token == Token.Quoted
      ? sliceUnchecked(this.source, this.at + 1, this.to - 1)
      : sliceUnchecked(this.source, this.at, this.to);
  }

  private byte(i: i32): u32 {
    return i < this.size ? (byteAtUnchecked(this.source, i) as u32) : 0;
  }

  private bad(at: i32, message: string): void {
    fail(at, message, Stage.Syntax);
    this.token = Token.Bad;
  }

  /** Moves on to the next token. */
  next(): void {
    if (this.token == Token.Bad) return;
    this.skipSpace();
    const at = this.to;
    this.at = at;
    if (at >= this.size) {
      this.token = Token.End;
      return;
    }
    const c = this.byte(at);
    if (c == 0x22 || c == 0x27) {
      this.readString(at, false, Token.String);
    } else if (isNameStart(c)) {
      if (!this.readPrefixedString(at, c)) this.readName(at);
    } else if (ascii.isDigit(c) || (c == 0x2e && ascii.isDigit(this.byte(at + 1)))) {
      this.readNumber(at);
    } else if (c == 0x60) {
      this.readQuoted(at);
    } else {
      this.readPunctuation(at, c);
    }
  }

  private skipSpace(): void {
    let i = this.to;
    while (i < this.size) {
      const c = this.byte(i);
      if (c == 0x2f && this.byte(i + 1) == 0x2f) {
        while (i < this.size && this.byte(i) != 0x0a) i++;
      } else if (c == 0x20 || (c >= 0x09 && c <= 0x0d && c != 0x0b)) {
        i++;
      } else {
        break;
      }
    }
    this.to = i;
  }

  private readName(at: i32): void {
    let i = at;
    while (isNameStart(this.byte(i)) || ascii.isDigit(this.byte(i))) i++;
    this.to = i;
    const text = sliceUnchecked(this.source, at, i);
    if (equalsText(text, "true")) this.token = Token.True;
    else if (equalsText(text, "false")) this.token = Token.False;
    else if (equalsText(text, "null")) this.token = Token.Null;
    else if (equalsText(text, "in")) this.token = Token.In;
    else this.token = Token.Identifier;
  }

  private readQuoted(at: i32): void {
    let i = at + 1;
    while (i < this.size && this.byte(i) != 0x60) {
      const c = this.byte(i);
      const allowed =
        isNameStart(c) || ascii.isDigit(c) || c == 0x2e || c == 0x2d || c == 0x2f || c == 0x20;
      if (!allowed) return this.bad(i, "a name between backticks cannot hold this character");
      i++;
    }
    if (i >= this.size) return this.bad(at, "this name is not closed: missing `");
    if (i == at + 1) return this.bad(at, "a name between backticks cannot be empty");
    this.to = i + 1;
    this.token = Token.Quoted;
  }

  private readNumber(at: i32): void {
    let i = at;
    this.token = Token.Int;
    if (this.byte(i) == 0x30 && (this.byte(i + 1) | 0x20) == 0x78) {
      i += 2;
      const from = i;
      while (ascii.hexValue(this.byte(i)) >= 0) i++;
      if (i == from) return this.bad(i, "a hexadecimal digit is expected here");
    } else {
      while (ascii.isDigit(this.byte(i))) i++;
      if (this.byte(i) == 0x2e && ascii.isDigit(this.byte(i + 1))) {
        this.token = Token.Double;
        i++;
        while (ascii.isDigit(this.byte(i))) i++;
      }
      if ((this.byte(i) | 0x20) == 0x65) {
        this.token = Token.Double;
        i++;
        if (this.byte(i) == 0x2b || this.byte(i) == 0x2d) i++;
        if (!ascii.isDigit(this.byte(i))) return this.bad(i, "an exponent is expected here");
        while (ascii.isDigit(this.byte(i))) i++;
      }
    }
    if (this.token == Token.Int && (this.byte(i) | 0x20) == 0x75) {
      this.token = Token.Uint;
      i++;
    }
    if (isNameStart(this.byte(i))) return this.bad(i, "a number cannot go on like this");
    this.to = i;
  }

  // r"…", b"…", rb"…", br"…" in any case.
  private readPrefixedString(at: i32, c: u32): bool {
    let i = at;
    let raw = false;
    let bytes = false;
    while (true) {
      const letter = this.byte(i) | 0x20;
      if (letter == 0x72 && !raw) raw = true;
      else if (letter == 0x62 && !bytes) bytes = true;
      else break;
      i++;
    }
    const quote = this.byte(i);
    if (i == at || (quote != 0x22 && quote != 0x27)) return false;
    this.readString(i, raw, bytes ? Token.Bytes : Token.String);
    return true;
  }

  private readString(at: i32, raw: bool, token: Token): void {
    const quote = this.byte(at);
    const long = this.byte(at + 1) == quote && this.byte(at + 2) == quote;
    let i = at + (long ? 3 : 1);
    this.from = i;
    while (true) {
      if (i >= this.size) return this.bad(at, "this string is not closed");
      const c = this.byte(i);
      if (c == quote) {
        if (!long) break;
        if (this.byte(i + 1) == quote && this.byte(i + 2) == quote) break;
      } else if (c == 0x5c) {
        if (i + 1 >= this.size) return this.bad(at, "this string is not closed");
        i++;
      } else if (!long && (c == 0x0a || c == 0x0d)) {
        return this.bad(i, "a line ends inside this string");
      }
      i++;
    }
    this.till = i;
    this.to = i + (long ? 3 : 1);
    this.isRaw = raw;
    this.token = token;
  }

  private readPunctuation(at: i32, c: u32): void {
    const next = this.byte(at + 1);
    let token = Token.Bad;
    let size = 1;
    switch (c) {
      case 0x3f:
        token = Token.Question;
        break;
      case 0x3a:
        token = Token.Colon;
        break;
      case 0x7c:
        if (next == 0x7c) {
          token = Token.Or;
          size = 2;
        }
        break;
      case 0x26:
        if (next == 0x26) {
          token = Token.And;
          size = 2;
        }
        break;
      case 0x3d:
        if (next == 0x3d) {
          token = Token.Equal;
          size = 2;
        }
        break;
      case 0x21:
        size = next == 0x3d ? 2 : 1;
        token = size == 2 ? Token.NotEqual : Token.Not;
        break;
      case 0x3c:
        size = next == 0x3d ? 2 : 1;
        token = size == 2 ? Token.LessOrEqual : Token.Less;
        break;
      case 0x3e:
        size = next == 0x3d ? 2 : 1;
        token = size == 2 ? Token.GreaterOrEqual : Token.Greater;
        break;
      case 0x2b:
        token = Token.Plus;
        break;
      case 0x2d:
        token = Token.Minus;
        break;
      case 0x2a:
        token = Token.Star;
        break;
      case 0x2f:
        token = Token.Slash;
        break;
      case 0x25:
        token = Token.Percent;
        break;
      case 0x2e:
        token = Token.Dot;
        break;
      case 0x2c:
        token = Token.Comma;
        break;
      case 0x28:
        token = Token.LeftParen;
        break;
      case 0x29:
        token = Token.RightParen;
        break;
      case 0x5b:
        token = Token.LeftBracket;
        break;
      case 0x5d:
        token = Token.RightBracket;
        break;
      case 0x7b:
        token = Token.LeftBrace;
        break;
      case 0x7d:
        token = Token.RightBrace;
        break;
    }
    if (token == Token.Bad) {
      let message = "unexpected character";
      if (c == 0x3d) message = "comparing is written ==";
      else if (c == 0x26) message = "and is written &&";
      else if (c == 0x7c) message = "or is written ||";
      return this.bad(at, message);
    }
    this.token = token;
    this.to = at + size;
  }

  /** The contents of the string or bytes literal, kept in `arena`; NONE when it is not well formed,
   * with the problem noted. */
  literal(arena: Arena): Span {
    const inner = sliceUnchecked(this.source, this.from, this.till);
    if (this.token == Token.String && !utf8.isValid(inner)) {
      fail(this.from + utf8.firstInvalid(inner), "this text is not valid UTF-8", Stage.Syntax);
      return NONE;
    }
    if (this.isRaw) return copy(inner, arena);
    buffer.reset();
    const stop = end(inner);
    let at = address(inner);
    while (at < stop) {
      const c = load<u8>(at++);
      if (c != 0x5c) {
        buffer.byte(c);
        continue;
      }
      const used = this.escape(at);
      if (used == 0) {
        const place = this.from + ((at - address(inner)) as i32) - 1;
        fail(place, "there is no such escape", Stage.Syntax);
        return NONE;
      }
      at += used;
    }
    return copy(buffer.view(), arena);
  }

  /** Decodes what follows a backslash; how many bytes that were, or 0. */
  private escape(at: usize): usize {
    const c = load<u8>(at) as u32;
    const plain = plainEscape(c);
    if (plain >= 0) {
      buffer.byte(plain);
      return 1;
    }
    const stop = address(this.source) + this.till;
    const isBytes = this.token == Token.Bytes;
    let digits = 0;
    let base = 16;
    let from = at + 1;
    if (c == 0x78 || c == 0x58) {
      digits = 2;
    } else if (c == 0x75 && !isBytes) {
      digits = 4;
    } else if (c == 0x55 && !isBytes) {
      digits = 8;
    } else if (c >= 0x30 && c <= 0x33) {
      digits = 3;
      base = 8;
      from = at;
    } else {
      return 0;
    }
    let value: u32 = 0;
    for (let i = 0; i < digits; i++) {
      const digit = from + i < stop ? ascii.hexValue(load<u8>(from + i)) : -1;
      if (digit < 0 || digit >= base || value > 0xfffffff) return 0;
      value = value * base + digit;
    }
    if (isBytes) {
      buffer.byte(value);
    } else {
      if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return 0;
      utf8.encode(value, buffer);
    }
    return from + digits - at;
  }
}

const buffer = Writer.create();

export function isNameStart(c: u32): bool {
  return ascii.isAlpha(c) || c == 0x5f;
}

/** The byte that `\c` stands for, or -1. */
function plainEscape(c: u32): i32 {
  switch (c) {
    case 0x61:
      return 0x07;
    case 0x62:
      return 0x08;
    case 0x66:
      return 0x0c;
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
    case 0x76:
      return 0x0b;
    case 0x5c:
    case 0x3f:
    case 0x22:
    case 0x27:
    case 0x60:
      return c;
    default:
      return -1;
  }
}

/** Where an expression that begins at `from` in a template ends: the offset of the parenthesis that
 * closes it, or -1, with the problem noted when a token is to blame. Strings are skipped as the lexer
 * reads them. */
export function closingParenthesis(source: Span, from: i32): i32 {
  clear();
  const rest = span(address(source) + from, length(source) - from);
  const lexer = new Lexer(rest);
  let depth = 1;
  while (lexer.token != Token.End && lexer.token != Token.Bad) {
    if (lexer.token == Token.LeftParen) depth++;
    else if (lexer.token == Token.RightParen && --depth == 0) return from + lexer.at;
    lexer.next();
  }
  return -1;
}
