// Decodes the edits of headers, query parameters and cookies.

import { scratch } from "../abi/memory";
import * as ascii from "../bytes/ascii";
import { length, Span } from "../bytes/span";
import { equalsText, toString } from "../bytes/text";
import * as cookie from "../http/cookie";
import { NO_NODE } from "../json/tape";
import { Template } from "../rules/template";
import {
  Assignment,
  Dedupe,
  Deduplication,
  FieldEdits,
  Kind as FieldKind,
  isRoutedBy,
  isScheme,
  Move,
  NO_ASSIGNMENTS,
  NO_DEDUPLICATIONS,
  NO_MOVES,
  NO_REPLACEMENTS,
  Replacement,
} from "../steps/field-edits";
import { isFieldValue } from "../stream/header-map";
import { Context } from "./context";

/** Edits of the headers of the request that goes on. */
export function decodeRequestHeaders(context: Context, node: i32): FieldEdits {
  const edits = decodeFields(context, node, FieldKind.Headers);
  edits.isOfRequest = true;
  const wording = "without it, or with another value than http or https, the host finds no route";
  for (let i = 0; i < edits.remove.length; i++) {
    const glob = edits.remove[i];
    if (glob.exact && isRoutedBy(glob.name))
      context.report.add(context.strings(context.member(node, "remove"))[i], "R332", -1, wording);
  }
  const tape = context.tape;
  for (let i = 0; i < ROUTE_BREAKING.length; i++) {
    const verb = ROUTE_BREAKING[i];
    const map = context.member(node, verb);
    if (map == NO_NODE) continue;
    const moves = verb == "rename" || verb == "copy";
    const stop = tape.after(map);
    for (let k = tape.firstChild(map); k < stop; k = tape.after(k + 1)) {
      const breaks = verb != "copy" && isRoutedBy(loweredText(context, k));
      if (breaks || (moves && isRoutedBy(loweredText(context, k + 1))))
        context.report.add(k, "R332", -1, wording);
    }
  }
  checkSchemes(context, edits.set, node, "set", wording);
  checkSchemes(context, edits.fallback, node, "default", wording);
  return edits;
}

/** What may leave x-forwarded-proto away, or with a value that is none. */
const ROUTE_BREAKING: string[] = ["rename", "copy", "replace", "add", "append"];

function loweredText(context: Context, node: i32): Span {
  const text = context.text(node);
  ascii.lowerInPlace(text);
  return text;
}

function checkSchemes(
  context: Context,
  assignments: StaticArray<Assignment>,
  node: i32,
  key: string,
  wording: string,
): void {
  for (let i = 0; i < assignments.length; i++) {
    const assignment = assignments[i];
    if (!isRoutedBy(assignment.name)) continue;
    for (let j = 0; j < assignment.values.length; j++) {
      const value = assignment.values[j];
      if (value.isConstant && !isScheme(value.constant))
        context.report.add(context.member(node, key), "R332", -1, wording);
    }
  }
}

export function decodeFields(context: Context, node: i32, kind: FieldKind): FieldEdits {
  const edits = new FieldEdits(kind);
  const isHeaders = kind == FieldKind.Headers;
  edits.keep = isHeaders ? context.headerGlobs(node, "keep") : context.globs(node, "keep");
  edits.remove = isHeaders ? context.headerGlobs(node, "remove") : context.globs(node, "remove");
  edits.rename = moves(context, node, "rename", kind);
  edits.copy = moves(context, node, "copy", kind);
  edits.replace = replacements(context, node, kind);
  edits.set = assignments(context, node, "set", kind);
  edits.fallback = assignments(context, node, "default", kind);
  edits.add = assignments(context, node, "add", kind);
  edits.append = assignments(context, node, "append", kind);
  edits.dedupe = deduplications(context, node, kind);
  return edits;
}

/** Only assignments: the headers of an answer or a callout. */
export function decodeHeaderValues(context: Context, node: i32): FieldEdits {
  const edits = new FieldEdits(FieldKind.Headers);
  edits.set = assignmentsOf(context, node, FieldKind.Headers, false);
  return edits;
}

function name(context: Context, key: i32, kind: FieldKind): Span {
  if (kind == FieldKind.Headers) return context.headerName(key);
  const text = context.text(key);
  if (length(text) == 0) {
    context.report.add(key, "R206", -1, "a name must not be empty");
  } else if (kind == FieldKind.Cookies && !ascii.isToken(text)) {
    context.report.add(key, "R307", -1, "not a cookie name (RFC 6265 4.1.1)");
  }
  return text;
}

function moves(context: Context, object: i32, key: string, kind: FieldKind): StaticArray<Move> {
  const node = context.member(object, key);
  if (node == NO_NODE) return NO_MOVES;
  const tape = context.tape;
  const list: Move[] = [];
  const stop = tape.after(node);
  for (let k = tape.firstChild(node); k < stop; k = tape.after(k + 1)) {
    const from = name(context, k, kind);
    const to = name(context, k + 1, kind);
    for (let i = 0; i < list.length; i++) {
      if (toString(list[i].to) == toString(to)) {
        context.report.add(k + 1, "R311", -1, 'two names become "' + toString(to) + '"');
      }
    }
    list.push(new Move(from, to));
  }
  return StaticArray.fromArray(list);
}

function assignments(
  context: Context,
  object: i32,
  key: string,
  kind: FieldKind,
): StaticArray<Assignment> {
  const node = context.member(object, key);
  return node == NO_NODE ? NO_ASSIGNMENTS : assignmentsOf(context, node, kind, key == "append");
}

function assignmentsOf(
  context: Context,
  node: i32,
  kind: FieldKind,
  joins: bool,
): StaticArray<Assignment> {
  const tape = context.tape;
  const list = new StaticArray<Assignment>(tape.size(node));
  let count = 0;
  const stop = tape.after(node);
  for (let k = tape.firstChild(node); k < stop; k = tape.after(k + 1)) {
    const field = name(context, k, kind);
    if (joins && equalsText(field, "set-cookie")) {
      context.report.add(k, "R307", -1, "set-cookie is never joined; use add");
    }
    const values = new StaticArray<Template>(context.count(k + 1));
    for (let i = 0, at = context.first(k + 1); i < values.length; i++, at = tape.after(at)) {
      const template = context.template(at);
      values[i] = template;
      if (!template.isConstant) continue;
      if (kind == FieldKind.Headers && !isFieldValue(template.constant)) {
        context.report.add(at, "R307", -1, "a header value has no line ends");
      } else if (kind == FieldKind.Cookies && !cookie.isValue(template.constant)) {
        context.report.add(at, "R307", -1, "a cookie value has no semicolon or control character");
      }
    }
    const assignment = new Assignment(field, values);
    assignment.isLocation = kind == FieldKind.Headers && equalsText(field, "location");
    list[count++] = assignment;
  }
  return list;
}

function replacements(context: Context, object: i32, kind: FieldKind): StaticArray<Replacement> {
  const node = context.member(object, "replace");
  if (node == NO_NODE) return NO_REPLACEMENTS;
  const tape = context.tape;
  const list: Replacement[] = [];
  const stop = tape.after(node);
  for (let k = tape.firstChild(node); k < stop; k = tape.after(k + 1)) {
    const replacement = context.replacement(k + 1);
    if (replacement == null) continue;
    replacement.name = name(context, k, kind);
    list.push(replacement);
  }
  return StaticArray.fromArray(list);
}

function deduplications(
  context: Context,
  object: i32,
  kind: FieldKind,
): StaticArray<Deduplication> {
  const node = context.member(object, "dedupe");
  if (node == NO_NODE) return NO_DEDUPLICATIONS;
  const tape = context.tape;
  const list: Deduplication[] = [];
  const stop = tape.after(node);
  for (let k = tape.firstChild(node); k < stop; k = tape.after(k + 1)) {
    const strategy = tape.text(k + 1, scratch);
    list.push(
      new Deduplication(
        name(context, k, kind),
        equalsText(strategy, "first")
          ? Dedupe.First
          : equalsText(strategy, "last")
            ? Dedupe.Last
            : Dedupe.Unique,
      ),
    );
  }
  return StaticArray.fromArray(list);
}
