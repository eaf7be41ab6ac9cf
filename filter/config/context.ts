// What the decoders of one rule share: the tape, the report, the names that templates may use, and
// the small readers that turn values of the tape into what steps are made of. Everything that is
// read is in the program's arena.

import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import { address, byteAtUnchecked, equal, indexOfByte, length, NONE, Span } from "../bytes/span";
import { copy, equalsText, toString } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { Kind, NO_NODE, Tape } from "../json/tape";
import { writeString } from "../json/write";
import { problems, Schema } from "../json-schema/index";
import {
  errorOffset,
  errorText,
  Flag,
  Notation,
  Regex,
  Template as RegexTemplate,
  Unknown,
} from "../regex/index";
import { Expression } from "../rules/expression";
import { Glob, NO_GLOBS } from "../rules/glob";
import { Cell, Name, Names, Phase } from "../rules/name";
import * as quantity from "../rules/quantity";
import { Template } from "../rules/template";
import { Replacement } from "../steps/field-edits";
import { JsonTemplate } from "../steps/json-template";
import { Configuration } from "../stream/program";
import { Stored } from "../stream/stored";
import { Constants } from "./constants";
import { Numbering } from "./numbering";
import { RedactSets } from "./redact";
import { Report } from "./report";
import { integerOf } from "./shape";
import { findStored } from "./store";

/** Names of the rule being decoded: constants and variables of its document, captures of its path. */
@final
export class RuleNames extends Names {
  captures: Span[] = [];
  /** What would have captured them is wrong, which is reported: nobody knows which there are. */
  areCapturesUnknown: bool = false;

  /** `variables` and `calls` are those of the document; `stores` grows as steps store some. */
  constructor(
    private readonly constants: Constants,
    readonly variables: Numbering,
    readonly calls: Numbering,
    readonly stores: Stored[],
  ) {
    super();
  }

  constant(path: Span[]): Name | null {
    return this.constants.variable(path);
  }

  table(path: Span[]): Name | null {
    return this.constants.table(path);
  }

  /** The address of the value that the node, which has no templates, stands for; 0 without memory. */
  literal(node: i32): usize {
    return this.constants.literal(node);
  }

  parameter(name: Span): i32 {
    return this.areCapturesUnknown ? 0 : indexIn(this.captures, name);
  }

  variable(name: Span): i32 {
    return this.variables.find(name);
  }

  call(name: Span): i32 {
    return this.calls.find(name);
  }

  stored(name: Span): Cell | null {
    return findStored(this.stores, name);
  }
}

/** The value of the last member of that ASCII name, or NO_NODE. */
export function memberOf(tape: Tape, object: i32, key: string): i32 {
  let found = NO_NODE;
  const stop = tape.after(object);
  for (let k = tape.firstChild(object); k < stop; k = tape.after(k + 1)) {
    if (equalsText(tape.text(k, scratch), key)) found = k + 1;
  }
  return found;
}

export function indexIn(list: Span[], name: Span): i32 {
  for (let i = 0; i < list.length; i++) {
    if (equal(list[i], name)) return i;
  }
  return -1;
}

const buffer = Writer.create();

@final
export class Context {
  phase: Phase = Phase.Request;
  /** The rule at hand, by its name and the entry it stands in, and the number of its step. */
  owner: Span = NONE;
  step: i32 = 0;
  /** Those that steps may name. */
  redactSets: RedactSets = new RedactSets();

  constructor(
    readonly tape: Tape,
    readonly report: Report,
    readonly names: RuleNames,
    readonly configuration: Configuration,
  ) {}

  get arena(): Arena {
    return this.configuration.arena;
  }

  /** Ready for the next rule of the document. */
  begin(): void {
    this.names.captures.length = 0;
    this.names.areCapturesUnknown = false;
    this.names.demands = 0;
    this.names.readsBody = false;
    this.names.inEvents = false;
    this.names.inTrailers = false;
    this.phase = Phase.Request;
  }

  /** The member's value, or NO_NODE. */
  member(object: i32, key: string): i32 {
    return memberOf(this.tape, object, key);
  }

  /** The text of a string or key, kept. */
  text(node: i32): Span {
    return copy(this.tape.text(node, scratch), this.arena);
  }

  isTrue(object: i32, key: string): bool {
    const node = this.member(object, key);
    return node != NO_NODE && this.tape.kind(node) == Kind.True;
  }

  /** How many values a list has; what is not a list is one. */
  count(node: i32): i32 {
    return this.tape.kind(node) == Kind.Array ? this.tape.size(node) : 1;
  }

  /** The first of them; the next is at `after`. */
  first(node: i32): i32 {
    return this.tape.kind(node) == Kind.Array ? this.tape.firstChild(node) : node;
  }

  /** The values of a string or a list of strings. */
  strings(node: i32): StaticArray<i32> {
    const tape = this.tape;
    if (tape.kind(node) != Kind.Array) {
      const single = new StaticArray<i32>(1);
      single[0] = node;
      return single;
    }
    const list = new StaticArray<i32>(tape.size(node));
    let child = tape.firstChild(node);
    for (let i = 0; i < list.length; i++, child = tape.after(child)) list[i] = child;
    return list;
  }

  /** The condition in a member, or null when there is none, or, reported, when it is wrong. */
  condition(object: i32, key: string): Expression | null {
    const node = this.member(object, key);
    if (node == NO_NODE) return null;
    const source = this.tape.text(node, scratch);
    const condition = Expression.condition(source, this.names, this.phase, this.arena);
    if (condition == null) this.report.addNoted(node);
    return condition;
  }

  /** A template of a string, number or boolean; an empty one, reported, when it is wrong. */
  template(node: i32): Template {
    const isString = this.tape.kind(node) == Kind.String;
    const source = isString ? this.tape.text(node, scratch) : this.tape.raw(node);
    const template = Template.compile(source, this.names, this.phase, this.arena);
    if (template != null) return template;
    this.report.addNoted(node);
    return Template.empty(this.arena);
  }

  templateOr(object: i32, key: string): Template | null {
    const node = this.member(object, key);
    return node == NO_NODE ? null : this.template(node);
  }

  /** A list of name patterns. */
  globs(object: i32, key: string): StaticArray<Glob> {
    return this.patterns(object, key, false, false);
  }

  /** The same, of header names. */
  headerGlobs(object: i32, key: string): StaticArray<Glob> {
    return this.patterns(object, key, true, true);
  }

  /** The same, of names that are compared in lower case. */
  fieldGlobs(object: i32, key: string): StaticArray<Glob> {
    return this.patterns(object, key, true, false);
  }

  /** The same, of media types. */
  mediaTypeGlobs(object: i32, key: string): StaticArray<Glob> {
    return this.patterns(object, key, true, false);
  }

  private patterns(object: i32, key: string, lower: bool, isHeader: bool): StaticArray<Glob> {
    const node = this.member(object, key);
    if (node == NO_NODE) return NO_GLOBS;
    const nodes = this.strings(node);
    const globs = new StaticArray<Glob>(nodes.length);
    for (let i = 0; i < nodes.length; i++) {
      const pattern = this.text(nodes[i]);
      if (lower) ascii.lowerInPlace(pattern);
      if (isHeader) this.checkHeaderPattern(nodes[i], pattern);
      globs[i] = new Glob(pattern, this.arena);
    }
    return globs;
  }

  private checkHeaderPattern(node: i32, pattern: Span): void {
    for (let i = 0; i < length(pattern); i++) {
      const c = byteAtUnchecked(pattern, i);
      if (!ascii.isTokenChar(c)) {
        this.report.add(
          node,
          "R307",
          i,
          "not a header name (path, host, method and status have verbs of their own)",
        );
        return;
      }
    }
  }

  /** A header name in lower case; reported when it is not one that edits may touch. */
  headerName(node: i32): Span {
    const name = this.text(node);
    ascii.lowerInPlace(name);
    if (equalsText(name, "host")) {
      this.report.add(node, "R307", -1, "the host is changed by the verb host");
    } else if (equalsText(name, "content-length") || equalsText(name, "transfer-encoding")) {
      this.report.add(
        node,
        "R307",
        -1,
        toString(name) + " is kept true by the filter and the host",
      );
    } else {
      this.checkHeaderPattern(node, name);
    }
    return name;
  }

  /** The pattern, or null, reported. */
  regex(node: i32, ignoreCase: bool): Regex | null {
    const flags: u32 = ignoreCase ? Flag.IgnoreCase : 0;
    const regex = Regex.compile(this.tape.text(node, scratch), flags);
    if (regex == null)
      this.report.add(node, "R306", errorOffset(), "not a pattern: " + errorText());
    return regex;
  }

  /** A pattern and what its matches become, or null, reported. */
  replacement(node: i32): Replacement | null {
    const regex = this.regex(this.member(node, "regex"), false);
    if (regex == null) return null;
    const template = this.groupTemplate(this.member(node, "with"), regex);
    return template == null ? null : new Replacement(regex, template);
  }

  /** What the pattern's matches become, with its groups; or null, reported. */
  groupTemplate(node: i32, regex: Regex): RegexTemplate | null {
    const text = this.tape.text(node, scratch);
    const template = RegexTemplate.compile(text, regex, Notation.Both, Unknown.Refuse);
    if (template == null)
      this.report.add(node, "R306", errorOffset(), "the pattern has no such group");
    return template;
  }

  /** Bytes, or -1, reported. */
  size(node: i32): i64 {
    const source = this.tape.kind(node) == Kind.String ? this.tape.text(node, scratch) : NONE;
    const size = source == NONE ? integerOf(this.tape.raw(node)) : quantity.size(source);
    if (size < 0)
      this.report.add(node, "R308", -1, "a size is a number of bytes or such as 64KiB, 10MiB");
    return size;
  }

  sizeOr(object: i32, key: string, fallback: i64): i64 {
    const node = this.member(object, key);
    return node == NO_NODE ? fallback : this.size(node);
  }

  /** Milliseconds; 0, reported, when it is no duration. */
  duration(node: i32): i32 {
    const ms = quantity.duration(this.tape.text(node, scratch));
    if (ms > 0) return ms as i32;
    this.report.add(
      node,
      "R308",
      -1,
      "a duration is such as 500ms, 15s, 5m; not 0, and a day at most",
    );
    return 0;
  }

  durationOr(object: i32, key: string, fallback: i32): i32 {
    const node = this.member(object, key);
    return node == NO_NODE ? fallback : this.duration(node);
  }

  integerOr(object: i32, key: string, fallback: i64): i64 {
    const node = this.member(object, key);
    return node == NO_NODE ? fallback : integerOf(this.tape.raw(node));
  }

  /** Whether the member, a string, is that word. */
  isWord(object: i32, key: string, word: string): bool {
    const node = this.member(object, key);
    return node != NO_NODE && equalsText(this.tape.text(node, scratch), word);
  }

  /** The JSON Schema, or null, reported. */
  schema(node: i32, assertsFormats: bool): Schema | null {
    const schema = Schema.compile(this.tape.raw(node), assertsFormats, this.arena);
    if (schema != null) this.configuration.schemas.push(schema);
    // Records of the schema's own tape are in the order of those here.
    for (let i = 0, list = problems(); i < list.length; i++)
      this.report.add(node + list[i].node, "R316", list[i].offset, list[i].message);
    return schema;
  }

  /** JSON with templates in its strings. */
  jsonTemplate(node: i32): JsonTemplate {
    const tape = this.tape;
    const json = new JsonTemplate();
    const stop = tape.after(node);
    const base = tape.raw(node);
    const origin = tape.start(node);
    let from = 0; // offset in `base` of what is not yet written
    buffer.reset();
    for (let i = node; i < stop; i++) {
      if (tape.kind(i) != Kind.String || !hasExpression(tape.text(i, scratch))) continue;
      const template = this.template(i);
      buffer.bytes(address(base) + from, (tape.start(i) - origin - from) as u32);
      from = tape.end(i) - origin;
      if (template.isConstant) {
        writeString(template.constant, buffer);
      } else {
        json.push(copy(buffer.view(), this.arena), template);
        buffer.reset();
      }
    }
    buffer.bytes(address(base) + from, (length(base) - from) as u32);
    json.finish(copy(buffer.view(), this.arena));
    return json;
  }
}

/** Whether there is a `$(` in it. */
export function hasExpression(s: Span): bool {
  for (let i = indexOfByte(s, 0x24); i >= 0; i = indexOfByte(s, 0x24, i + 1)) {
    if (i + 1 < length(s) && byteAtUnchecked(s, i + 1) == 0x28) return true;
  }
  return false;
}
