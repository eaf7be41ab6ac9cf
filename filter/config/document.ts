// Decodes a whole configuration: the document, its rules, and the entries of the Higress envelope.
// Everything that is wrong is reported in one go. With `onInvalidRule: skip` a bad rule or entry is
// left out, or its last good version stays; with `reject` nothing of a bad configuration is used.

import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
import { beginLoading, endLoading, isOverfull, MOST_OF_ONE_MIB } from "../bytes/heap";
import { length, Span } from "../bytes/span";
import { copy, equalsText, fromString, fromText, toString } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { refillFolding } from "../cel/index";
import { ROOT_NODE, RULE_NODE } from "../generated/schema";
import { fingerprintOf } from "../json/fingerprint";
import { Places } from "../json/places";
import { errorText, Kind, NO_NODE, Tape } from "../json/tape";
import { HostPattern } from "../rules/host-pattern";
import { All, Condition, FactIs, Field, HostIs, ServiceIs, ValueMatcher } from "../rules/match";
import { Demand, Phase } from "../rules/name";
import { isOfErrors } from "../rules/status-pattern";
import { Redaction } from "../steps/redaction";
import { Holding } from "../stream/holding";
import {
  Accept,
  Configuration,
  Entry,
  Program,
  Reroute,
  Rule,
  Step,
  UNLIMITED,
} from "../stream/program";
import { ruleMetrics } from "../stream/rule-metrics";
import { Stored } from "../stream/stored";
import { Constants } from "./constants";
import { Context, memberOf, RuleNames } from "./context";
import { decodeMatch } from "./match";
import { Numbering } from "./numbering";
import { Report } from "./report";
import { decodeClientIp, decodePaths } from "./requests";
import { ServiceMap, Services } from "./services";
import { check } from "./shape";
import { StepDecoder } from "./steps";
import { collectStored } from "./store";
import { TaskDecoder } from "./tasks";

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
  /** Of the document, as it is meant. */
  hash: u64 = 0;
  pluginId: string = "";

  constructor(readonly report: Report) {}
}

/** Decodes the text, which need not stay. `lastGood` is read and brought up to date. */
export function decodeConfiguration(text: Span, lastGood: LastGood): Decoded {
  refillFolding();
  beginLoading();
  const decoded = decode(text, lastGood);
  // Now that the tape is gone: what it took is enough for making the indices.
  if (decoded.configuration != null) decoded.configuration!.finish();
  endLoading();
  return decoded;
}

function decode(text: Span, lastGood: LastGood): Decoded {
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
  private readonly variables: Numbering = new Numbering();
  /** Names of the results of callouts. */
  private readonly calls: Numbering = new Numbering();
  private readonly places: Places;
  private readonly stores: Stored[] = [];
  /** Services that were decoded, by the nodes of their maps: entries share those of the document. */
  private readonly serviceMaps: Map<i32, ServiceMap> = new Map();
  /** Redact sets that were decoded, by their nodes: entries share those of the document. */
  private readonly redactSets: Map<i32, Redaction | null> = new Map();
  /** Rules and entries: a problem inside one of them can be survived by leaving it out. */
  private readonly parts: i32[] = [];
  private skips: bool = false;
  private goodRules: i32 = 0;
  /** Of the entry at hand: what it is for. */
  private signature: string = "";
  /** Versions that become the last good ones if the configuration is taken. */
  private readonly fresh: LastGood = new Map<string, string>();

  constructor(
    private readonly tape: Tape,
    private readonly decoded: Decoded,
    private readonly lastGood: LastGood,
  ) {
    this.places = new Places(tape);
  }

  private get report(): Report {
    return this.decoded.report;
  }

  private get arena(): Arena {
    return this.configuration.arena;
  }

  private member(object: i32, key: string): i32 {
    return memberOf(this.tape, object, key);
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
    if (settings != NO_NODE && !this.report.hasIn(settings)) this.readOperation(settings);
    this.collectVariables();
    this.decodeGlobal();
    this.decodeEntries();
    this.decodeTasks();
    const isUsable = this.skips
      ? !this.report.hasOutside(this.parts) && (this.goodRules > 0 || this.report.count == 0)
      : this.report.count == 0;
    if (!isUsable) {
      this.configuration.destroy();
      return;
    }
    this.decoded.configuration = this.configuration;
    this.decoded.hash = fingerprintOf(tape, 0, scratch);
    const keys = this.fresh.keys();
    for (let i = 0; i < keys.length; i++) this.lastGood.set(keys[i], this.fresh.get(keys[i]));
  }

  /** What concerns the VM and the process, not the rules. */
  private readOperation(settings: i32): void {
    const context = this.contextOf(
      this.tape,
      this.report,
      new Constants(this.places, this.tape, this.arena),
    );
    const configuration = this.configuration;
    configuration.requestsPerCycle = context.integerOr(settings, "maxRequestsPerIoCycle", 0) as i32;
    const rebuild = this.member(settings, "rebuild");
    if (rebuild == NO_NODE) return;
    configuration.rebuildAfter = context.integerOr(rebuild, "afterRequests", 0) as i32;
    configuration.rebuildMemory = context.sizeOr(rebuild, "maxMemory", 0);
  }

  private isSetting(settings: i32, key: string, value: string): bool {
    if (settings == NO_NODE || this.tape.kind(settings) != Kind.Object) return false;
    const node = this.member(settings, key);
    if (node == NO_NODE || this.tape.kind(node) != Kind.String) return false;
    return equalsText(this.tape.text(node, scratch), value);
  }

  /** The names of all `set` and `store` steps and callouts, wherever they are: a stream has one set of them. */
  private collectVariables(): void {
    const tape = this.tape;
    const set = fromText("set", scratch);
    const validate = fromText("validate", scratch);
    const call = fromText("call", scratch);
    const store = fromText("store", scratch);
    const redis = fromText("redis", scratch);
    const forward = fromText("forward", scratch);
    for (let i = 0; i < tape.count; i++) {
      if (tape.kind(i) != Kind.Key) continue;
      if (tape.isText(i, validate)) this.collectNamed(i + 1, this.variables);
      if (tape.isText(i, call) || tape.isText(i, redis) || tape.isText(i, forward))
        this.collectNamed(i + 1, this.calls);
      const isStore = tape.isText(i, store);
      if (!isStore && !tape.isText(i, set)) continue;
      const step = tape.parent(i);
      // A step is an element of a list; `set` of other verbs is a member of a member.
      if (tape.kind(i + 1) != Kind.Object || tape.parent(step) == NO_NODE) continue;
      if (tape.kind(tape.parent(step)) != Kind.Array) continue;
      if (isStore) {
        collectStored(tape, i + 1, this.stores, this.arena);
        continue;
      }
      const stop = tape.after(i + 1);
      for (let key = tape.firstChild(i + 1); key < stop; key = tape.after(key + 1)) {
        this.variables.add(tape.text(key, scratch), this.arena);
      }
    }
  }

  /** The name under which a step leaves something. */
  private collectNamed(step: i32, list: Numbering): void {
    const tape = this.tape;
    const name = tape.kind(step) == Kind.Object ? this.member(step, "as") : NO_NODE;
    if (name != NO_NODE && tape.kind(name) == Kind.String)
      list.add(tape.text(name, scratch), this.arena);
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
    const global = this.decodeProgram([0], "");
    global.place = "/rules";
    this.configuration.global = global;
  }

  private decodeTasks(): void {
    const node = this.member(0, "tasks");
    if (node == NO_NODE || this.tape.kind(node) != Kind.Array) return;
    const constants = new Constants(this.places, this.tape, this.arena);
    const services = this.surroundings([0], constants);
    const context = this.contextOf(this.tape, this.report, constants);
    const tasks = new TaskDecoder(context, new StepDecoder(context, services), this.configuration);
    tasks.variableCount = this.variables.count;
    tasks.callCount = this.calls.count;
    const list = tasks.decode(node);
    for (let i = 0; i < list.length; i++) {
      this.parts.push(list[i]);
      if (this.report.hasIn(list[i])) this.decoded.skipped++;
      else this.goodRules++;
    }
  }

  private decodeEntries(): void {
    const tape = this.tape;
    const list = this.member(0, "_rules_");
    if (list == NO_NODE || tape.kind(list) != Kind.Array) return;
    const entries: Entry[] = [];
    const stop = tape.after(list);
    let place = 0;
    for (let node = tape.firstChild(list); node < stop; node = tape.after(node), place++) {
      if (tape.kind(node) != Kind.Object) continue;
      this.parts.push(node);
      const entry = this.decodeEntry(node);
      if (entry == null) {
        this.decoded.skipped++;
        continue;
      }
      entry.program.place = "/_rules_/" + place.toString() + "/rules";
      entries.push(entry);
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
    const hosts = new StaticArray<HostPattern>(domains.length);
    for (let i = 0; i < domains.length; i++) {
      const pattern = HostPattern.domain(fromString(domains[i], scratch), this.arena);
      if (pattern == null) return null;
      hosts[i] = pattern;
    }
    // Of the keys only those count that the Higress Go SDK looks at.
    if (routes.length > 0) {
      const ofRoute = new FactIs(Field.Route, this.matchers(routes, false));
      const condition: Condition =
        services.length > 0 ? new All([ofRoute, new ServiceIs(this.spans(services))]) : ofRoute;
      return new Entry(program, condition, []);
    }
    if (domains.length > 0) return new Entry(program, new HostIs(hosts), hosts);
    if (services.length > 0) return new Entry(program, new ServiceIs(this.spans(services)), []);
    return new Entry(program, new FactIs(Field.Route, this.matchers(prefixes, true)), []);
  }

  private matchers(texts: string[], isPrefix: bool): StaticArray<ValueMatcher> {
    const matchers = new StaticArray<ValueMatcher>(texts.length);
    for (let i = 0; i < texts.length; i++) {
      const matcher = new ValueMatcher();
      if (isPrefix) matcher.prefix = fromString(texts[i], this.arena);
      else matcher.exact = fromString(texts[i], this.arena);
      matchers[i] = matcher;
    }
    return matchers;
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
    const constants = new Constants(this.places, tape, this.arena);
    const services = this.surroundings(documents, constants);
    // From the farthest to the nearest, so that the nearest wins.
    for (let i = documents.length - 1; i >= 0; i--) this.readSettings(documents[i], program);
    if (program.holdsHeaders) this.watchHolding();
    program.variableCount = this.variables.count;
    program.callCount = this.calls.count;
    const rules: Rule[] = [];
    const inherit = this.member(documents[0], "inherit");
    if (inherit != NO_NODE && tape.kind(inherit) == Kind.True) {
      const global = this.configuration.global;
      if (global != null) {
        for (let i = 0; i < global.rules.length; i++) rules.push(global.rules[i]);
        program.looksAtTarget = global.looksAtTarget;
      }
    }
    program.inherited = rules.length;
    this.decodeRules(documents[0], program, constants, services, signature, rules);
    program.rules = StaticArray.fromArray(rules);
    return program;
  }

  /** Fills the constants and gives the services of a document, the first, which inherits from the others. */
  private surroundings(documents: i32[], constants: Constants): Services {
    const services = new Services();
    for (let i = 0; i < documents.length; i++) {
      this.addObject(documents[i], "vars", constants.vars);
      this.addObject(documents[i], "tables", constants.tables);
      const list = this.member(documents[i], "services");
      if (list != NO_NODE && !this.report.hasIn(list))
        services.add(this.tape, list, this.report, this.configuration, this.serviceMaps);
      const sets = this.member(documents[i], "redact");
      const context = this.contextOf(this.tape, this.report, constants);
      constants.redactSets.add(context, sets, this.redactSets);
    }
    return services;
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
      const counts = this.member(settings, "ruleMetrics");
      if (counts != NO_NODE) program.countsRules = this.tape.kind(counts) == Kind.True;
      if (holds != NO_NODE) program.holdsHeaders = this.tape.kind(holds) == Kind.True;
      const constants = new Constants(this.places, this.tape, this.arena);
      const context = this.contextOf(this.tape, this.report, constants);
      const paths = this.member(settings, "paths");
      if (paths != NO_NODE) decodePaths(context, paths, program);
      const clientIp = this.member(settings, "clientIp");
      if (clientIp != NO_NODE) program.clientAddress = decodeClientIp(context, clientIp);
      if (this.member(settings, "host") != NO_NODE)
        program.isForHigress = this.isSetting(settings, "host", "higress");
    }
    const limits = this.member(document, "limits");
    if (limits == NO_NODE || this.report.hasIn(limits)) return;
    const context = this.contextOf(
      this.tape,
      this.report,
      new Constants(this.places, this.tape, this.arena),
    );
    program.requestLimit = context.sizeOr(limits, "requestBody", program.requestLimit);
    program.responseLimit = context.sizeOr(limits, "responseBody", program.responseLimit);
  }

  private watchHolding(): void {
    const configuration = this.configuration;
    if (configuration.holding != null) return;
    const holding = new Holding(configuration);
    configuration.holding = holding;
    configuration.periodics.push(holding);
  }

  private contextOf(tape: Tape, report: Report, constants: Constants): Context {
    const names = new RuleNames(constants, this.variables, this.calls, this.stores);
    const context = new Context(tape, report, names, this.configuration);
    context.redactSets = constants.redactSets;
    return context;
  }

  /** What a rule without a name is called. */
  private placeName(index: i32): Span {
    line.reset();
    line.text("rules/");
    line.integer(index);
    return copy(line.view(), this.arena);
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
    const context = this.contextOf(tape, this.report, constants);
    const steps = new StepDecoder(context, services);
    steps.holdsHeaders = program.holdsHeaders;
    this.signature = signature;
    let index = 0;
    for (let node = tape.firstChild(list); node < stop; node = tape.after(node)) {
      if (isOverfull()) {
        const most = MOST_OF_ONE_MIB.toString();
        const message = "with this rule the configuration takes more than " + most + " MiB";
        this.report.add(node, "R325", -1, message);
        return;
      }
      this.parts.push(node);
      const rule = this.decodeRule(context, steps, node, index++);
      if (rule != null) {
        if (program.countsRules) rule.metrics = ruleMetrics(rule.name);
        this.goodRules++;
        if (!this.isDisabled(node)) rules.push(rule);
        if (looksAtTarget(rule) || context.names.readsRequest) program.looksAtTarget = true;
      } else {
        this.decoded.skipped++;
      }
      if (!this.skips) continue;
      const key = signature + "#" + this.ruleKey(node, index - 1);
      if (rule != null) this.fresh.set(key, toString(tape.raw(node)));
      if (rule != null || !this.lastGood.has(key)) continue;
      const restored = this.restore(this.lastGood.get(key), program, constants, services, index);
      if (restored == null) continue;
      program.looksAtTarget = true;
      if (program.countsRules) restored.metrics = ruleMetrics(restored.name);
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
      const context = this.contextOf(tape, report, constants);
      const steps = new StepDecoder(context, services);
      steps.holdsHeaders = program.holdsHeaders;
      rule = this.decodeRule(context, steps, 0, index);
    }
    tape.destroy();
    return rule;
  }

  /** The rule, or null when something is wrong with it (and reported). */
  private decodeRule(context: Context, steps: StepDecoder, node: i32, index: i32): Rule | null {
    const tape = context.tape;
    const report = context.report;
    if (tape.kind(node) != Kind.Object) return null;
    context.begin();
    context.names.readsRequest = false;
    steps.accept = Accept.Any;
    const rule = new Rule();
    const name = context.member(node, "name");
    rule.name =
      name != NO_NODE && tape.kind(name) == Kind.String
        ? context.text(name)
        : this.placeName(index);
    const match = context.member(node, "match");
    if (match != NO_NODE && !report.hasIn(match)) decodeMatch(context, match, rule);
    context.names.areCapturesUnknown = match != NO_NODE && report.hasIn(match);
    const limits = context.member(node, "limits");
    if (limits != NO_NODE && !report.hasIn(limits)) {
      rule.requestLimit = context.sizeOr(limits, "requestBody", UNLIMITED);
      rule.responseLimit = context.sizeOr(limits, "responseBody", UNLIMITED);
    }
    line.reset();
    line.span(fromString(this.signature, scratch));
    line.byte(0x23);
    line.span(rule.name);
    context.owner = copy(line.view(), this.arena);
    rule.place = index;
    rule.final = context.isTrue(node, "final");
    rule.whenPhase = firstPhase(context, node);
    context.phase = rule.whenPhase;
    const when = context.member(node, "when");
    if (when != NO_NODE && !report.hasIn(when)) rule.when = context.condition(node, "when");
    if (context.names.readsBody) {
      rule.whenReadsBody = true;
      steps.requireHold(context.member(node, "when"));
      if (context.phase == Phase.Response) {
        context.names.demands |= Demand.Request | Demand.WholeResponse;
      }
    }
    steps.reroute = steps.rerouteOf(node, Reroute.Inherited);
    steps.formLimit = 0;
    rule.request = steps.decode(node, "request", Phase.Request);
    rule.formLimit = steps.formLimit;
    rule.response = steps.decode(node, "response", Phase.Response);
    steps.mostCaptured = 0;
    rule.done = steps.decode(node, "done", Phase.Done);
    rule.captureLimit = steps.mostCaptured;
    const readsResponse = rule.whenReadsBody && rule.whenPhase == Phase.Response;
    rule.accept = readsResponse ? max(steps.accept, Accept.Decodable) : steps.accept;
    rule.demands = context.names.demands;
    settleAsking(context, node, rule);
    const condition = rule.condition;
    rule.isCertain = condition == null || condition.isCertain;
    addJudgement(rule, rule.request);
    addJudgement(rule, rule.response);
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

const line = Writer.create();

/** What the rule has the upstream asked for: whole bodies that can be read, for what it edits or reads of them.
 * What only touches errors is not worth to be sent a whole video, or a page not compressed. */
function settleAsking(context: Context, node: i32, rule: Rule): void {
  const statuses = rule.status;
  const isOfErrorsOnly = statuses != null && isOfErrors(statuses);
  if (isOfErrorsOnly && rule.accept == Accept.Decodable) rule.accept = Accept.Any;
  const isSaid = context.member(node, "ranges") != NO_NODE;
  if (isSaid ? context.isWord(node, "ranges", "keep") : isOfErrorsOnly)
    rule.demands &= ~Demand.WholeResponse;
}

/** What the steps have to do with whether messages pass. */
function addJudgement(rule: Rule, steps: StaticArray<Step>): void {
  for (let i = 0; i < steps.length; i++) {
    if (steps[i].decidesPassage) rule.hasGuards = true;
    if (steps[i].leaves) rule.leaves = true;
  }
}

/** The first phase in which the rule has steps; the request for one without any, which may be final. */
function firstPhase(context: Context, rule: i32): Phase {
  if (context.member(rule, "request") != NO_NODE) return Phase.Request;
  if (context.member(rule, "response") != NO_NODE) return Phase.Response;
  return context.member(rule, "done") != NO_NODE ? Phase.Done : Phase.Request;
}

/** Whether anything of the rule depends on the path or the host. */
function looksAtTarget(rule: Rule): bool {
  if (rule.condition != null || rule.hasGuards || rule.hasLimits) return true;
  for (let i = 0; i < rule.request.length; i++) {
    if (rule.request[i].looksAtTarget || rule.request[i].calls) return true;
  }
  return false;
}

function join(prefix: string, names: string[]): string {
  return names.length ? prefix + ":" + names.join(",") + "|" : "";
}
