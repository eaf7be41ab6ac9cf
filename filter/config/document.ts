// Decodes a whole configuration: the document, its rules, and the entries of the Higress envelope.
// Everything that is wrong is reported in one go. With `onInvalidRule: skip` a bad rule or entry is
// left out, or its last good version stays; with `reject` nothing of a bad configuration is used.

import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
import { length, Span } from "../bytes/span";
import { copy, equalsText, fromString, fromText, toString } from "../bytes/text";
import { ROOT_NODE, RULE_NODE } from "../generated/schema";
import { errorText, Kind, NO_NODE, Tape } from "../json/tape";
import { HostPattern } from "../rules/host-pattern";
import { Demand, Phase } from "../rules/name";
import { Category, Configuration, Entry, Program, Rule, UNLIMITED } from "../stream/program";
import { Constants } from "./constants";
import { Context, indexIn, RuleNames } from "./context";
import { decodeMatch } from "./match";
import { Report } from "./report";
import { Services } from "./services";
import { check } from "./shape";
import { StepDecoder } from "./steps";

/** Nesting of configurations. */
const MAX_DEPTH: i32 = 64;
/** Larger configurations are refused: they would be slow to load on every worker. */
const MAX_SIZE: i32 = 16 * 1024 * 1024;

/** Good versions of rules, by name and entry; what `onInvalidRule: skip` falls back to. */
export type LastGood = Map<string, string>;

/** What decoding came to. */
@final
export class Decoded {
  /** Null: rejected. */
  configuration: Configuration | null = null;
  skipped: i32 = 0;
  pluginId: string = "";

  constructor(readonly report: Report) {}
}

/** Decodes the text, which need not stay. `lastGood` is read and brought up to date. */
export function decodeConfiguration(text: Span, lastGood: LastGood): Decoded {
  const tape = Tape.create();
  const decoded = new Decoded(new Report(tape));
  if (length(text) > MAX_SIZE) {
    decoded.report.addSyntax("R102", -1, "the configuration is larger than 16 MiB");
  } else if (!tape.parse(text, MAX_DEPTH)) {
    decoded.report.addSyntax("R100", tape.errorOffset, "not JSON: " + errorText(tape.errorCode));
  } else {
    new Decoder(tape, decoded, lastGood).run();
  }
  tape.destroy();
  return decoded;
}

@final
class Decoder {
  private readonly configuration: Configuration = new Configuration();
  private readonly variables: Span[] = [];
  /** Rules and entries: a problem inside one of them can be survived by leaving it out. */
  private readonly parts: i32[] = [];
  private skips: bool = false;
  private goodRules: i32 = 0;
  /** Versions that become the last good ones if the configuration is taken. */
  private readonly fresh: LastGood = new Map<string, string>();

  constructor(
    private readonly tape: Tape,
    private readonly decoded: Decoded,
    private readonly lastGood: LastGood,
  ) {}

  private get report(): Report {
    return this.decoded.report;
  }

  private get arena(): Arena {
    return this.configuration.arena;
  }

  private member(object: i32, key: string): i32 {
    return this.tape.member(object, fromText(key, scratch));
  }

  run(): void {
    const tape = this.tape;
    check(tape, 0, ROOT_NODE, this.report);
    if (tape.kind(0) != Kind.Object) return;
    const settings = this.member(0, "settings");
    const pluginId = this.member(0, "_plugin_id_");
    if (pluginId != NO_NODE && tape.kind(pluginId) == Kind.String) {
      this.decoded.pluginId = toString(tape.text(pluginId, scratch));
    }
    this.skips = this.isSetting(settings, "onInvalidRule", "skip");
    this.configuration.mostSpecificDomain = this.isSetting(settings, "domains", "mostSpecific");
    this.collectVariables();
    this.decodeGlobal();
    this.decodeEntries();
    const isUsable = this.skips
      ? !this.report.hasOutside(this.parts) && (this.goodRules > 0 || this.report.count == 0)
      : this.report.count == 0;
    if (!isUsable) {
      this.configuration.destroy();
      return;
    }
    this.decoded.configuration = this.configuration;
    const keys = this.fresh.keys();
    for (let i = 0; i < keys.length; i++) this.lastGood.set(keys[i], this.fresh.get(keys[i]));
  }

  private isSetting(settings: i32, key: string, value: string): bool {
    if (settings == NO_NODE || this.tape.kind(settings) != Kind.Object) return false;
    const node = this.member(settings, key);
    if (node == NO_NODE || this.tape.kind(node) != Kind.String) return false;
    return equalsText(this.tape.text(node, scratch), value);
  }

  /** The names of all `set` steps, wherever they are: a stream has one set of variables. */
  private collectVariables(): void {
    const tape = this.tape;
    const set = fromText("set", scratch);
    const validate = fromText("validate", scratch);
    for (let i = 0; i < tape.count; i++) {
      if (tape.kind(i) == Kind.Key && tape.isText(i, validate)) this.collectNamed(i + 1);
      if (tape.kind(i) != Kind.Key || !tape.isText(i, set)) continue;
      const step = tape.parent(i);
      // A step is an element of a list; `set` of other verbs is a member of a member.
      if (tape.kind(i + 1) != Kind.Object || tape.parent(step) == NO_NODE) continue;
      if (tape.kind(tape.parent(step)) != Kind.Array) continue;
      const stop = tape.after(i + 1);
      for (let key = tape.firstChild(i + 1); key < stop; key = tape.after(key + 1)) {
        this.addVariable(tape.text(key, scratch));
      }
    }
  }

  /** The variable that a `validate` step sets. */
  private collectNamed(step: i32): void {
    const tape = this.tape;
    const name = tape.kind(step) == Kind.Object ? this.member(step, "as") : NO_NODE;
    if (name != NO_NODE && tape.kind(name) == Kind.String)
      this.addVariable(tape.text(name, scratch));
  }

  private addVariable(name: Span): void {
    if (indexIn(this.variables, name) < 0) this.variables.push(copy(name, this.arena));
  }

  private decodeGlobal(): void {
    const tape = this.tape;
    const rules = this.member(0, "rules");
    const hasEntries = this.member(0, "_rules_") != NO_NODE;
    const isEmpty = tape.firstChild(0) == tape.after(0);
    if (this.member(0, "ruleway") == NO_NODE && !isEmpty && (!hasEntries || rules != NO_NODE)) {
      this.report.add(0, "R202", -1, 'the key "ruleway" is missing: write ruleway: 1');
    }
    if (rules == NO_NODE && this.member(0, "limits") == NO_NODE) return;
    this.configuration.global = this.decodeProgram([0], "");
  }

  private decodeEntries(): void {
    const tape = this.tape;
    const list = this.member(0, "_rules_");
    if (list == NO_NODE || tape.kind(list) != Kind.Array) return;
    const entries: Entry[] = [];
    const stop = tape.after(list);
    for (let node = tape.firstChild(list); node < stop; node = tape.after(node)) {
      if (tape.kind(node) != Kind.Object) continue;
      this.parts.push(node);
      const entry = this.decodeEntry(node);
      if (entry != null) entries.push(entry);
      else this.decoded.skipped++;
    }
    this.configuration.entries = StaticArray.fromArray(entries);
  }

  /** The entry, or null when something besides its rules is wrong. */
  private decodeEntry(node: i32): Entry | null {
    const rules = this.member(node, "rules");
    const routes = this.names(node, "_match_route_");
    const domains = this.names(node, "_match_domain_");
    const services = this.names(node, "_match_service_");
    const prefixes = this.names(node, "_match_route_prefix_");
    if (routes.length + domains.length + services.length + prefixes.length == 0) {
      const keys = "_match_route_, _match_domain_, _match_service_, _match_route_prefix_";
      this.report.add(node, "R202", -1, "an entry needs at least one of " + keys);
      return null;
    }
    const before = this.report.count;
    const signature =
      join("r", routes) + join("d", domains) + join("s", services) + join("p", prefixes);
    const program = this.decodeProgram([node, 0], signature);
    if (this.report.count != before && !this.skips) return null;
    if (rules == NO_NODE && this.report.hasIn(node)) return null;
    const entry = new Entry(program);
    entry.routes = this.spans(routes);
    entry.services = this.spans(services);
    entry.prefixes = this.spans(prefixes);
    const hosts = new StaticArray<HostPattern>(domains.length);
    for (let i = 0; i < domains.length; i++) {
      hosts[i] = HostPattern.domain(fromString(domains[i], scratch), this.arena);
    }
    entry.hosts = hosts;
    if (routes.length > 0)
      entry.category = services.length > 0 ? Category.RouteAndService : Category.Route;
    else if (domains.length > 0) entry.category = Category.Host;
    else if (services.length > 0) entry.category = Category.Service;
    else entry.category = Category.RoutePrefix;
    return entry;
  }

  /** The strings of a string or list; empty ones are dropped. */
  private names(object: i32, key: string): string[] {
    const tape = this.tape;
    const node = this.member(object, key);
    const names: string[] = [];
    if (node == NO_NODE) return names;
    const isList = tape.kind(node) == Kind.Array;
    const stop = tape.after(node);
    for (let i = isList ? tape.firstChild(node) : node; i < stop; i = tape.after(i)) {
      if (tape.kind(i) != Kind.String) continue;
      const text = toString(tape.text(i, scratch));
      if (text.length > 0) names.push(text);
    }
    return names;
  }

  private spans(names: string[]): StaticArray<Span> {
    const spans = new StaticArray<Span>(names.length);
    for (let i = 0; i < names.length; i++) spans[i] = fromString(names[i], this.arena);
    return spans;
  }

  /** The program of the first of the documents, which inherits from the others. */
  private decodeProgram(documents: i32[], signature: string): Program {
    const tape = this.tape;
    const program = new Program();
    const constants = new Constants(tape, this.arena);
    const services = new Services();
    for (let i = 0; i < documents.length; i++) {
      this.addObject(documents[i], "vars", constants.vars);
      this.addObject(documents[i], "tables", constants.tables);
      const list = this.member(documents[i], "services");
      if (list != NO_NODE && !this.report.hasIn(list))
        services.add(tape, list, this.report, this.arena);
    }
    // From the farthest to the nearest, so that the nearest wins.
    for (let i = documents.length - 1; i >= 0; i--) this.readSettings(documents[i], program);
    program.variableCount = this.variables.length;
    const rules: Rule[] = [];
    const inherit = this.member(documents[0], "inherit");
    if (inherit != NO_NODE && tape.kind(inherit) == Kind.True) {
      const global = this.configuration.global;
      if (global != null) {
        for (let i = 0; i < global.rules.length; i++) rules.push(global.rules[i]);
      }
    }
    this.decodeRules(documents[0], program, constants, services, signature, rules);
    program.rules = StaticArray.fromArray(rules);
    return program;
  }

  private addObject(document: i32, key: string, list: i32[]): void {
    const node = this.member(document, key);
    if (node != NO_NODE && this.tape.kind(node) == Kind.Object) list.push(node);
  }

  private readSettings(document: i32, program: Program): void {
    const settings = this.member(document, "settings");
    if (settings != NO_NODE && !this.report.hasIn(settings)) {
      const reroute = this.member(settings, "reroute");
      const holds = this.member(settings, "holdHeaders");
      if (reroute != NO_NODE) program.reroute = this.tape.kind(reroute) == Kind.True;
      if (holds != NO_NODE) program.holdsHeaders = this.tape.kind(holds) == Kind.True;
    }
    const limits = this.member(document, "limits");
    if (limits == NO_NODE || this.report.hasIn(limits)) return;
    const context = new Context(this.tape, this.report, this.noNames(), this.configuration);
    program.requestLimit = context.sizeOr(limits, "requestBody", program.requestLimit);
    program.responseLimit = context.sizeOr(limits, "responseBody", program.responseLimit);
  }

  private noNames(): RuleNames {
    return new RuleNames(new Constants(this.tape, this.arena), this.variables);
  }

  private decodeRules(
    document: i32,
    program: Program,
    constants: Constants,
    services: Services,
    signature: string,
    rules: Rule[],
  ): void {
    const tape = this.tape;
    const list = this.member(document, "rules");
    if (list == NO_NODE || tape.kind(list) != Kind.Array) return;
    const stop = tape.after(list);
    let index = 0;
    for (let node = tape.firstChild(list); node < stop; node = tape.after(node)) {
      this.parts.push(node);
      const rule = this.decodeRule(tape, node, this.report, program, constants, services, index);
      const key = signature + "#" + this.ruleKey(node, index++);
      if (rule != null) {
        this.goodRules++;
        if (!this.isDisabled(node)) rules.push(rule);
        if (this.skips) this.fresh.set(key, toString(tape.raw(node)));
        continue;
      }
      this.decoded.skipped++;
      if (!this.skips || !this.lastGood.has(key)) continue;
      const restored = this.restore(this.lastGood.get(key), program, constants, services, index);
      if (restored == null) continue;
      this.goodRules++;
      rules.push(restored);
    }
  }

  private ruleKey(node: i32, index: i32): string {
    if (this.tape.kind(node) != Kind.Object) return index.toString();
    const name = this.member(node, "name");
    if (name == NO_NODE || this.tape.kind(name) != Kind.String) return index.toString();
    return "=" + toString(this.tape.text(name, scratch));
  }

  private isDisabled(node: i32): bool {
    const enabled = this.member(node, "enabled");
    return enabled != NO_NODE && this.tape.kind(enabled) == Kind.False;
  }

  /** A rule's last good version, in today's surroundings; null when it does not fit them. */
  private restore(
    text: string,
    program: Program,
    constants: Constants,
    services: Services,
    index: i32,
  ): Rule | null {
    const tape = Tape.create();
    let rule: Rule | null = null;
    if (tape.parse(fromString(text, this.arena), MAX_DEPTH)) {
      const report = new Report(tape);
      check(tape, 0, RULE_NODE, report);
      rule = this.decodeRule(tape, 0, report, program, constants, services, index);
    }
    tape.destroy();
    return rule;
  }

  /** The rule, or null when something is wrong with it (and reported). */
  private decodeRule(
    tape: Tape,
    node: i32,
    report: Report,
    program: Program,
    constants: Constants,
    services: Services,
    index: i32,
  ): Rule | null {
    if (tape.kind(node) != Kind.Object) return null;
    const names = new RuleNames(constants, this.variables);
    const context = new Context(tape, report, names, this.configuration);
    const rule = new Rule();
    const name = context.member(node, "name");
    rule.name =
      name != NO_NODE && tape.kind(name) == Kind.String
        ? context.text(name)
        : fromText("rules/" + index.toString(), this.arena);
    const match = context.member(node, "match");
    if (match != NO_NODE && !report.hasIn(match)) decodeMatch(context, match, rule);
    const limits = context.member(node, "limits");
    if (limits != NO_NODE && !report.hasIn(limits)) {
      rule.requestLimit = context.sizeOr(limits, "requestBody", UNLIMITED);
      rule.responseLimit = context.sizeOr(limits, "responseBody", UNLIMITED);
    }
    rule.final = context.isTrue(node, "final");
    rule.whenPhase = firstPhase(context, node);
    context.phase = rule.whenPhase;
    const steps = new StepDecoder(context, services);
    steps.holdsHeaders = program.holdsHeaders;
    if (!report.hasIn(node)) rule.when = context.condition(node, "when");
    if (names.readsBody) {
      rule.whenReadsBody = true;
      steps.requireHold(context.member(node, "when"));
      if (context.phase == Phase.Response) names.demands |= Demand.Request;
    }
    rule.request = steps.decode(node, "request", Phase.Request);
    rule.response = steps.decode(node, "response", Phase.Response);
    rule.done = steps.decode(node, "done", Phase.Done);
    rule.demands = names.demands;
    if (rule.status != null && rule.request.length > 0) {
      report.add(
        context.member(node, "request"),
        "R312",
        -1,
        "a rule that matches a status has no request steps",
      );
    }
    return report.hasIn(node) ? null : rule;
  }
}

/** The first phase in which the rule has steps. */
function firstPhase(context: Context, rule: i32): Phase {
  if (context.member(rule, "request") != NO_NODE) return Phase.Request;
  return context.member(rule, "response") != NO_NODE ? Phase.Response : Phase.Done;
}

function join(prefix: string, names: string[]): string {
  return names.length ? prefix + ":" + names.join(",") + "|" : "";
}
