// Decodes `sample`.

import { scratch } from "../abi/memory";
import { byteAtUnchecked, length } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { Kind, NO_NODE } from "../json/tape";
import * as quantity from "../rules/quantity";
import { ALL, everything, Sample } from "../steps/sample";
import { Context } from "./context";

const PERCENT: u8 = 0x25;

const text = Writer.create();

/** What a step's `sample` says; everything when it has none. */
export function decodeSample(context: Context, step: i32): Sample {
  const node = context.member(step, "sample");
  if (node == NO_NODE) return everything;
  const isMap = context.tape.kind(node) == Kind.Object;
  const share = decodeShare(context, isMap ? context.member(node, "percent") : node, isMap);
  const sample = new Sample(share);
  if (isMap) sample.key = context.templateOr(node, "key");
  return sample;
}

/** `5%`, `0.1%`, and as the value of `percent` also 5 and 0.1: parts of a million. */
function decodeShare(context: Context, node: i32, isPercent: bool): u32 {
  const tape = context.tape;
  text.reset();
  text.span(tape.kind(node) == Kind.String ? tape.text(node, scratch) : tape.raw(node));
  const source = text.view();
  const n = length(source);
  if (isPercent && n > 0 && byteAtUnchecked(source, n - 1) != PERCENT) text.byte(PERCENT);
  const share = quantity.percent(text.view());
  if (share < 0) context.report.add(node, "R308", -1, "a share is such as 5% or 0.1%");
  return min(share, ALL as i64) as u32;
}
