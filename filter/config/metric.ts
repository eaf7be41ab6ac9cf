// Decodes `metric`.

import { scratch } from "../abi/memory";
import { MetricType } from "../abi/numbers";
import * as ascii from "../bytes/ascii";
import { byteAtUnchecked, compare, length, Span, sliceUnchecked } from "../bytes/span";
import { copy, equalsText, fromText } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { Kind, NO_NODE } from "../json/tape";
import { isIdentifier } from "../rules/path-template";
import { MetricStep, MetricTag } from "../steps/metric";
import { familyOf } from "../stream/metrics";
import { Context } from "./context";

/** Bytes of a name. */
const MAX_NAME: i32 = 128;
const MAX_TAGS: i32 = 8;

const line = Writer.create();

export function decodeMetric(context: Context, node: i32): MetricStep {
  const nameNode = context.member(node, "name");
  const name = context.tape.text(nameNode, scratch);
  checkName(context, nameNode, name);
  let type = MetricType.Counter;
  if (context.isWord(node, "type", "gauge")) type = MetricType.Gauge;
  else if (context.isWord(node, "type", "histogram")) type = MetricType.Histogram;
  const step = new MetricStep(familyOf(type, name, context.arena));
  const add = context.member(node, "add");
  step.isChange = add != NO_NODE;
  if (add != NO_NODE && type != MetricType.Gauge)
    context.report.add(add, "R311", -1, "only a gauge goes up and down; this is of another type");
  if (add != NO_NODE && context.member(node, "value") != NO_NODE)
    context.report.add(add, "R311", -1, "a gauge either becomes a value or changes by one");
  step.value = context.templateOr(node, step.isChange ? "add" : "value");
  step.maxSeries = context.integerOr(node, "maxSeries", 100) as i32;
  const tags = context.member(node, "tags");
  if (tags != NO_NODE) decodeTags(context, tags, step, name);
  return step;
}

/** Words with dots between them; not where the filter's own metrics are. */
function checkName(context: Context, node: i32, name: Span): void {
  let inWord = false;
  let firstDot = -1;
  const n = length(name);
  for (let i = 0; i < n; i++) {
    const c = byteAtUnchecked(name, i);
    if (c == 0x2e && inWord) {
      if (firstDot < 0) firstDot = i;
      inWord = false;
    } else if (ascii.isAlphanumeric(c) || c == 0x5f) {
      inWord = true;
    } else {
      context.report.add(node, "R319", i, "words of letters, digits and _ with dots between them");
      return;
    }
  }
  if (!inWord || n > MAX_NAME) {
    context.report.add(node, "R319", -1, "it ends with a dot, or is longer than 128 characters");
    return;
  }
  const first = firstDot < 0 ? n : firstDot;
  if (equalsText(sliceUnchecked(name, 0, first), "ruleway"))
    context.report.add(node, "R319", 0, "names that begin with ruleway are the filter's own");
}

function decodeTags(context: Context, node: i32, step: MetricStep, name: Span): void {
  const tape = context.tape;
  const tags: MetricTag[] = [];
  const stop = tape.after(node);
  for (let key = tape.firstChild(node); key < stop; key = tape.after(key + 1)) {
    if (!isIdentifier(tape.text(key, scratch)))
      context.report.add(key, "R319", -1, "a tag is letters, digits and _");
    // Where templates stand in a map has no order; in the name it must always be the same.
    const tag = decodeTag(context, key);
    let i = tags.length;
    tags.push(tag);
    for (; i > 0 && compare(tags[i - 1].name, tag.name) > 0; i--) tags[i] = tags[i - 1];
    tags[i] = tag;
  }
  if (tags.length > MAX_TAGS) context.report.add(node, "R204", -1, "at most 8 tags");
  step.tags = StaticArray.fromArray(tags);
  line.reset();
  line.span(name);
  for (let i = 0; i < tags.length; i++) {
    line.byte(0x2e);
    line.span(tags[i].name);
    line.span(fromText(".other", scratch));
  }
  step.otherwise = copy(line.view(), context.arena);
}

function decodeTag(context: Context, key: i32): MetricTag {
  const value = key + 1;
  if (context.tape.kind(value) == Kind.String)
    return new MetricTag(context.text(key), context.template(value));
  const template = context.template(context.member(value, "value"));
  const tag = new MetricTag(context.text(key), template);
  const nodes = context.strings(context.member(value, "values"));
  const values = new StaticArray<Span>(nodes.length);
  for (let i = 0; i < nodes.length; i++) values[i] = context.text(nodes[i]);
  tag.values = values;
  return tag;
}
