// What the stream's secret headers hold, for the step at hand: where the same stands elsewhere, in a
// variable, another header or a body that repeats it, it is no less secret.

import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import {
  byteAtUnchecked,
  equal,
  indexOfByte,
  length,
  NONE,
  Span,
  sliceUnchecked,
} from "../bytes/span";
import { copy, fromText } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { Exchange } from "../stream/exchange";
import * as field from "../stream/field-names";
import { HeaderMap } from "../stream/header-map";
import { stars } from "./parameters";
import { Redaction } from "./redaction";

const MOST: i32 = 16;
/** What is shorter stands in a text for other reasons. */
const SHORTEST: i32 = 8;

const texts: Arena = Arena.create();
const proxyAuthorization: Span = fromText("proxy-authorization", texts);

const values = new StaticArray<Span>(MOST);
let count = 0;
const out = Writer.create();

/** Takes those of the headers that have been read. */
export function collect(x: Exchange, redaction: Redaction): void {
  count = 0;
  take(x.request, redaction);
  take(x.response, redaction);
}

export function forget(): void {
  count = 0;
}

export function areThere(): bool {
  return count > 0;
}

function take(headers: HeaderMap, redaction: Redaction): void {
  if (!headers.loaded) return;
  for (let i = 0, n = headers.count; i < n && count < MOST; i++) {
    const name = headers.name(i);
    if (!redaction.hidesHeader(name)) continue;
    let value = ascii.trim(headers.value(i));
    if (equal(name, field.authorization) || equal(name, proxyAuthorization))
      value = withoutScheme(value);
    if (length(value) >= SHORTEST) unchecked((values[count++] = value));
  }
}

/** The credentials of `Bearer …`, `Basic …` (RFC 9110 11.4). */
function withoutScheme(value: Span): Span {
  const blank = indexOfByte(value, 0x20);
  return blank < 0 ? value : ascii.trim(sliceUnchecked(value, blank, length(value)));
}

/** The text with stars for what was taken; the stars alone when memory runs out. */
export function hide(text: Span): Span {
  let current = text;
  for (let i = 0; i < count; i++) current = hideOne(current, unchecked(values[i]));
  return current;
}

/** The text, which was cut off, without what may be the beginning of one at its end. */
export function withoutBeginning(text: Span): Span {
  const n = length(text);
  let cut = 0;
  for (let i = 0; i < count; i++) {
    const value = unchecked(values[i]);
    for (let size = min(length(value) - 1, n); size > cut; size--) {
      if (!equal(sliceUnchecked(text, n - size, n), sliceUnchecked(value, 0, size))) continue;
      cut = size;
      break;
    }
  }
  return sliceUnchecked(text, 0, n - cut);
}

function hideOne(text: Span, value: Span): Span {
  const size = length(value);
  const first = byteAtUnchecked(value, 0);
  const last = length(text) - size;
  let from = 0; // up to here it is in `out`
  for (let at = indexOfByte(text, first); at >= 0 && at <= last; ) {
    if (equal(sliceUnchecked(text, at, at + size), value)) {
      if (from == 0) out.reset();
      out.span(sliceUnchecked(text, from, at));
      out.span(stars);
      from = at + size;
      at = from - 1;
    }
    at = indexOfByte(text, first, at + 1);
  }
  if (from == 0) return text;
  out.span(sliceUnchecked(text, from, length(text)));
  const hidden = out.failed ? NONE : copy(out.view(), scratch);
  out.reset();
  return hidden == NONE ? stars : hidden;
}
