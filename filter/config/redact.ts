// Decodes `redact`: what must not leave with events and log lines, in a step or, by name, in the document.

import { scratch } from "../abi/memory";
import { toString } from "../bytes/text";
import { EditKind, EditPlan } from "../json/edit";
import { errorOffset, errorText, Path } from "../json/path";
import { Kind, NO_NODE } from "../json/tape";
import { Notation, Template as RegexTemplate, Unknown } from "../regex/index";
import { Demand, Phase } from "../rules/name";
import { stars } from "../steps/parameters";
import { Redaction, Secret, standard } from "../steps/redaction";
import { Context } from "./context";
import { Numbering } from "./numbering";

/** The sets of a document by name. */
@final
export class RedactSets {
  private readonly names: Numbering = new Numbering();
  /** Null: there is something wrong with it, which is reported. */
  private readonly sets: (Redaction | null)[] = [];

  /** Adds the sets of a document's `redact`; those that are there already stay. `made` has those that
   * were decoded before, by their nodes. */
  add(context: Context, node: i32, made: Map<i32, Redaction | null>): void {
    const tape = context.tape;
    if (node == NO_NODE || tape.kind(node) != Kind.Object) return;
    const stop = tape.after(node);
    for (let key = tape.firstChild(node); key < stop; key = tape.after(key + 1)) {
      const name = tape.text(key, scratch);
      if (this.names.find(name) >= 0) continue;
      this.names.add(name, context.arena);
      if (!made.has(key)) made.set(key, decodeSound(context, key + 1));
      this.sets.push(made.get(key));
    }
  }

  /** The set that the string names; one that nothing is told by, reported, when there is none. */
  find(context: Context, node: i32): Redaction {
    const text = context.tape.text(node, scratch);
    const name = toString(text);
    const i = this.names.find(text);
    if (i >= 0) {
      const set = this.sets[i];
      if (set != null) return set;
    }
    const why =
      i < 0
        ? 'no such redact set: "' +
          name +
          '"' +
          (this.names.count > 0 ? this.names.listed() : "; there are none")
        : 'the redact set "' + name + '" is wrong itself';
    context.report.add(node, "R303", -1, why);
    return standard;
  }
}

/** What a step's `redact` says; without one there are the headers that are never told. */
export function decodeRedact(context: Context, step: i32): Redaction {
  demandSecrets(context);
  const node = context.member(step, "redact");
  if (node == NO_NODE) return standard;
  if (context.tape.kind(node) == Kind.String) return context.redactSets.find(context, node);
  return decode(context, node);
}

/** What tells of a stream has to know its secrets as they arrived. */
export function demandSecrets(context: Context): void {
  context.names.demands |= Demand.Original;
  if (context.phase == Phase.Response || context.phase == Phase.Done)
    context.names.demands |= Demand.OriginalResponse;
}

function decodeSound(context: Context, node: i32): Redaction | null {
  if (context.report.hasIn(node)) return null;
  const redaction = decode(context, node);
  return context.report.hasIn(node) ? null : redaction;
}

function decode(context: Context, node: i32): Redaction {
  const redaction = new Redaction();
  redaction.headers = redaction.headers.concat(context.headerGlobs(node, "headers"));
  redaction.query = context.fieldGlobs(node, "query");
  const json = context.member(node, "json");
  if (json != NO_NODE) redaction.json = decodePaths(context, json);
  const patterns = context.member(node, "patterns");
  if (patterns == NO_NODE) return redaction;
  const nodes = context.strings(patterns);
  for (let i = 0; i < nodes.length; i++) {
    const regex = context.regex(nodes[i], false);
    if (regex == null) continue;
    const template = RegexTemplate.compile(stars, regex, Notation.Both, Unknown.Refuse);
    if (template != null) redaction.patterns.push(new Secret(regex, template));
  }
  return redaction;
}

function decodePaths(context: Context, node: i32): EditPlan {
  const plan = new EditPlan();
  const nodes = context.strings(node);
  for (let i = 0; i < nodes.length; i++) {
    const path = Path.compile(context.text(nodes[i]), context.arena);
    if (path == null) context.report.add(nodes[i], "R305", errorOffset, errorText);
    else plan.add(EditKind.Remove, path, null, -1, false);
  }
  return plan;
}
