// Encodings, JSON, dates of HTTP, hashes.

import { length, NONE, Span, span } from "../../bytes/span";
import { copy } from "../../bytes/text";
import * as utf8 from "../../bytes/utf8";
import * as base64 from "../../crypto/base64";
import { crc32 } from "../../crypto/crc32";
import { Hasher, HashKind } from "../../crypto/hasher";
import * as hex from "../../crypto/hex";
import { hmac } from "../../crypto/hmac";
import * as percent from "../../http/percent";
import { chargeBytes } from "../budget";
import { buffer, heap } from "../context";
import { Failure } from "../failure";
import { Fn } from "../functions";
import * as json from "../json";
import { Kind, Value } from "../value";
import { argument, isRun, take } from "./arguments";
import * as time from "./time";

const hasher = Hasher.create();
const digest: usize = memory.data(64);

export function call(fn: Fn, base: usize): Failure {
  const value = argument(base, 0);
  buffer.reset();
  if (fn == Fn.JsonEncode) {
    const wrong = json.write(value, buffer);
    return wrong == Failure.None ? take(value) : wrong;
  }
  if (fn == Fn.HttpDate) {
    if (value.kind != Kind.Timestamp) return Failure.NoSuchOverload;
    time.writeHttpDate(value, buffer);
    return take(value);
  }
  // Of nothing there is no code; a digest of nothing would be one of something else.
  if (value.kind == Kind.Null && fn <= Fn.UrlDecode) return Failure.None;
  if (!isRun(value) || !chargeBytes(length(value.bits))) return Failure.NoSuchOverload;
  if (fn >= Fn.HmacMd5) return keyed(fn, value, argument(base, 1));
  if (fn >= Fn.HashMd5) return hashed(fn, value);
  return converted(fn, value, value.bits);
}

function converted(fn: Fn, value: Value, text: Span): Failure {
  switch (fn) {
    case Fn.Base64Encode:
    case Fn.Base64UrlEncode: {
      const isUrl = fn == Fn.Base64UrlEncode;
      // Bytes only, as the encoders extension has it.
      if (!isUrl && value.kind != Kind.Bytes) return Failure.NoSuchOverload;
      base64.encode(text, buffer, isUrl, !isUrl);
      return take(value);
    }
    case Fn.HexEncode:
      hex.encode(text, buffer);
      return take(value);
  }
  if (fn == Fn.JsonParse) return json.parse(text, value);
  if (value.kind != Kind.String) return Failure.NoSuchOverload;
  switch (fn) {
    case Fn.Base64Decode:
    case Fn.Base64UrlDecode:
      if (!base64.decode(text, buffer, fn == Fn.Base64UrlDecode)) return Failure.BadConversion;
      return take(value, Kind.Bytes);
    case Fn.HexDecode:
      if (!hex.decode(text, buffer)) return Failure.BadConversion;
      return take(value, Kind.Bytes);
    case Fn.UrlEncode:
      if (!chargeBytes(length(text) * 4)) return Failure.Budget; // byte by byte
      percent.encodeComponent(text, buffer);
      return take(value);
    case Fn.UrlDecode: {
      const decoded = percent.decodeComponent(text, heap);
      if (decoded == NONE) return Failure.Memory;
      if (!utf8.isValid(decoded)) return Failure.NotUtf8;
      value.bits = decoded;
      return Failure.None;
    }
    default:
      return time.parseHttpDate(text, value);
  }
}

function hashed(fn: Fn, value: Value): Failure {
  // Hashing takes longer than copying: 64 units for a kilobyte.
  if (!chargeBytes(length(value.bits))) return Failure.Budget;
  if (fn == Fn.HashCrc32) {
    value.setInt(crc32(value.bits));
    return Failure.None;
  }
  hasher.start((fn - Fn.HashMd5) as HashKind);
  hasher.update(value.bits);
  return digestOf(hasher.finish(digest), value);
}

function keyed(fn: Fn, key: Value, message: Value): Failure {
  if (!isRun(message) || !chargeBytes(length(message.bits) * 2)) return Failure.NoSuchOverload;
  const n = hmac((fn - Fn.HmacMd5) as HashKind, key.bits, message.bits, digest);
  return digestOf(n, key);
}

function digestOf(n: i32, value: Value): Failure {
  const kept = copy(span(digest, n), heap);
  if (kept == NONE) return Failure.Memory;
  value.set(Kind.Bytes, kept);
  return Failure.None;
}
