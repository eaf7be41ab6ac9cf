// A stream as rules see it: the facts that conditions match, all of the request as it arrived, and the
// values that names stand for, with the edits made so far. What the host forgets in later phases is
// kept here. How the stream goes on is the exchange's affair.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { HeaderMapType } from "../abi/numbers";
import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import { isV4, parsePeer, peer, writeV4 } from "../bytes/ip-address";
import {
  address,
  byteAtUnchecked,
  equal,
  indexOfByte,
  length,
  NONE,
  Span,
  sliceUnchecked,
} from "../bytes/span";
import { copy } from "../bytes/text";
import { Writer } from "../bytes/writer";
import {
  chargeBytes,
  doubt,
  Failure,
  Kind,
  Strictness,
  settleAll,
  strictness,
  Value,
} from "../cel/index";
import { deepCopy, VALUE_SIZE, weight } from "../cel/value";
import { isDoubtfulHeader, isDoubtfulParameter } from "../http/ambiguity";
import * as authority from "../http/authority";
import { ClientAddress } from "../http/client-address";
import * as cookies from "../http/cookie";
import { FieldList, MISSING } from "../http/field-list";
import * as paths from "../http/path";
import * as query from "../http/query";
import { addressOf } from "../rules/host-pattern";
import { Facts, Values } from "../rules/match";
import { Name, Source } from "../rules/name";
import { PathPolicy } from "../rules/path-policy";
import { CallResult } from "./call-result";
import * as event from "./event";
import * as field from "./field-names";
import { listOf, mapOf, mapOfLists } from "./field-values";
import { HeaderMap } from "./header-map";
import { valueOfReply } from "./redis-value";

/** What a variable may take, in units of 16 bytes. */
const MAX_VARIABLE: i32 = 64 * 1024;

const line = Writer.create();

/** Why a request is refused before anything is asked about it. */
export const enum BadTarget {
  None,
  /** Nobody knows what servers would make of its path or its host. */
  Malformed,
  Memory,
}
/** Looking at a field of a form costs an expression as much as so many bytes. */
const FIELD_COST: i32 = 16;

/** What the edits of a stream of events may put into variables, in units of 16 bytes: 64 KiB. */
const MAX_VARIABLE_UNITS: i32 = 4096;

export abstract class View extends Facts {
  readonly arena: Arena = Arena.create();
  readonly request: HeaderMap = new HeaderMap(scratch);
  readonly response: HeaderMap = new HeaderMap(scratch);
  readonly responseTrailers: HeaderMap = new HeaderMap(scratch);
  protected responseStatus: i32 = 0;
  /** Variables that the stream's rules may set. */
  protected variableCount: i32 = 0;
  /** The request's headers as they arrived, where a rule asks for them. */
  readonly original: FieldList = new FieldList(scratch);
  /** The same of the response. */
  readonly originalResponse: FieldList = new FieldList(scratch);
  private readonly queryList: FieldList = new FieldList(scratch);
  private readonly cookieList: FieldList = new FieldList(scratch);
  private readonly wholeList: FieldList = new FieldList(scratch);
  private queryParsed: bool = false;
  private cookiesParsed: bool = false;
  private arrivedHost: Span = NONE;
  private arrivedPath: Span = NONE;
  private client: Span = NONE;
  private isClientAsked: bool = false;
  /** Where the client's address is read; null: it is that of the connection's other end. */
  protected clientAddress: ClientAddress | null = null;
  /** What was found wrong with the request's target. */
  protected badTarget: BadTarget = BadTarget.None;
  /** Where values are made that somebody may keep: the stream's arena, but for the edits of events, of
   * which there is no end. */
  protected values: Arena = this.arena;
  /** Units of 16 bytes that events may still put into variables. */
  private variableUnits: i32 = 0;
  private variables: usize = 0;
  private areVariablesLost: bool = false;
  /** Of callouts with a name; there are as many as any program that was chosen has. */
  private readonly results: CallResult[] = [];
  private resultCount: i32 = 0;

  /** The capture of the rule at hand, or NONE. */
  abstract captured(index: i32): Span;
  /** The name of the rule at hand. */
  abstract ruleName(): Span;
  /** What `name`, which is of a body, stands for. */
  abstract readBody(name: Name, out: Value): void;
  /** The fields of the request's form; null when it is none. */
  abstract form(): FieldList | null;
  /** Whether servers may differ in what the field, or any for NONE, of the form is. */
  protected abstract isDoubtfulField(key: Span): bool;

  /** Ready for a new stream. */
  protected openView(): void {
    const arena = this.arena;
    this.request.open(HeaderMapType.RequestHeaders, arena);
    this.response.open(HeaderMapType.ResponseHeaders, arena);
    this.responseTrailers.open(HeaderMapType.ResponseTrailers, arena);
    this.responseStatus = 0;
    this.variableCount = 0;
    this.original.clear(arena);
    this.originalResponse.clear(arena);
    this.queryParsed = false;
    this.cookiesParsed = false;
    this.arrivedHost = NONE;
    this.arrivedPath = NONE;
    this.client = NONE;
    this.isClientAsked = false;
    this.clientAddress = null;
    this.badTarget = BadTarget.None;
    this.variables = 0;
    this.areVariablesLost = false;
    this.values = arena;
    this.variableUnits = MAX_VARIABLE_UNITS;
  }

  /** Makes room for the results of `n` callouts. */
  protected openResults(n: i32): void {
    while (this.results.length < n) this.results.push(new CallResult());
    for (let i = 0; i < n; i++) unchecked(this.results[i]).open(this.arena);
    this.resultCount = n;
  }

  protected closeResults(): void {
    for (let i = 0; i < this.resultCount; i++) unchecked(this.results[i]).close();
    this.resultCount = 0;
  }

  /** Whoever reads from the response next sees it as the host has it then. */
  protected forgetResponse(): void {
    this.response.open(HeaderMapType.ResponseHeaders, this.arena);
    this.response.writable = false;
  }

  /** Keeps the request as it arrived, for `original.…`. */
  protected keepOriginal(): void {
    keep(this.request, this.original);
  }

  /** Keeps the response's headers as they arrived: what they hold stays secret wherever it goes. */
  protected keepOriginalResponse(): void {
    keep(this.response, this.originalResponse);
  }

  // ---- facts for matching

  host(): Span {
    if (this.arrivedHost == NONE) {
      const value = this.request.get(field.authority);
      if (value == NONE) return NONE;
      const host = authority.hostOf(value);
      if (host == NONE) this.badTarget = BadTarget.Malformed;
      else this.arrivedHost = this.loweredHost(host);
    }
    return this.arrivedHost;
  }

  private loweredHost(host: Span): Span {
    const lowered = copy(host, this.arena);
    if (lowered == NONE) this.badTarget = BadTarget.Memory;
    else ascii.lowerInPlace(lowered);
    return lowered;
  }

  path(): Span {
    return this.arrivedPath != NONE ? this.arrivedPath : this.sentPath();
  }

  sentPath(): Span {
    const target = this.request.get(field.path);
    return target == NONE ? NONE : query.pathOf(target);
  }

  /** Brings the request's path to the form that the policy wants, for the upstream too, before anything is
   * judged by it. */
  protected settlePath(policy: PathPolicy): void {
    const target = this.request.get(field.path);
    if (target == NONE || length(target) == 0 || byteAtUnchecked(target, 0) != 0x2f) return;
    const stop = paths.endOfPath(target);
    const path = sliceUnchecked(target, 0, stop);
    const traits = paths.traitsOf(path);
    const hasFragment = indexOfByte(target, 0x23, stop) >= 0;
    if (traits == 0 && !hasFragment) return;
    const isEscaped = (traits & paths.Trait.EscapedSlash) != 0;
    const isRefused = isEscaped && policy.escapedSlashes == paths.EscapedSlashes.Reject;
    if (isRefused || (policy.normalises && (traits & paths.Trait.EscapedNul) != 0)) {
      this.badTarget = BadTarget.Malformed;
      return;
    }
    const unescapes = isEscaped && policy.unescapesSlashes;
    const isNormal = (traits & paths.Trait.NotNormal) == 0 && !unescapes;
    const normal = isNormal ? path : copy(paths.normalise(path, unescapes), this.arena);
    if (normal == NONE) {
      this.badTarget = BadTarget.Memory;
      return;
    }
    this.comparePath(normal);
    const merges = policy.mergesSlashes && (paths.traitsOf(normal) & paths.Trait.SlashRun) != 0;
    const isSent = isNormal || policy.normalises || unescapes;
    if ((isNormal && !merges && !hasFragment) || !(isSent || merges)) return;
    line.reset();
    if (merges) paths.writeMerged(isSent ? normal : path, line);
    else line.span(normal);
    line.span(paths.withoutFragment(sliceUnchecked(target, stop, length(target))));
    const settled = line.failed ? NONE : copy(line.view(), this.arena);
    if (settled == NONE) this.badTarget = BadTarget.Memory;
    else this.request.set(field.path, settled);
  }

  /** Keeps the path as it is compared, where that is another than what goes on. */
  private comparePath(normal: Span): void {
    this.arrivedPath = paths.comparable(normal, paths.traitsOf(normal), this.arena);
    if (this.arrivedPath == NONE) this.badTarget = BadTarget.Memory;
  }

  method(): Span {
    return this.request.get(field.method);
  }

  scheme(): Span {
    return this.request.get(field.scheme);
  }

  headers(): FieldList {
    this.request.ensureLoaded();
    return this.request;
  }

  query(): FieldList {
    if (!this.queryParsed) {
      this.queryParsed = true;
      const target = this.request.get(field.path);
      query.parse(target == NONE ? NONE : query.queryOf(target), this.queryList, this.arena);
    }
    return this.queryList;
  }

  cookies(): FieldList {
    if (!this.cookiesParsed) {
      this.cookiesParsed = true;
      this.cookieList.clear(this.arena);
      this.request.ensureLoaded();
      parseCookies(this.request, this.cookieList);
    }
    return this.cookieList;
  }

  isReadVariously(values: Values, name: Span): bool {
    if (values == Values.Headers) return isDoubtfulHeader(this.headers(), name);
    if (values == Values.Query) return isDoubtfulParameter(this.query(), name, scratch);
    return isDoubtfulCookie(this.headers(), name);
  }

  route(): Span {
    return this.propertyOr(field.routeName, field.routeNameBefore);
  }

  cluster(): Span {
    return this.propertyOr(field.clusterName, field.clusterNameBefore);
  }

  /** Asked for once: what is read of it, and judged by it, is the same all along. */
  source(): Span {
    if (!this.isClientAsked) {
      this.isClientAsked = true;
      this.client = this.findClient();
    }
    return this.client;
  }

  private findClient(): Span {
    const from = this.clientAddress;
    const byHops = from != null && from.trusted == null;
    const pair = byHops ? NONE : host.property(field.sourceAddress, this.arena);
    const socket = pair == NONE || length(pair) == 0 ? NONE : addressOf(pair);
    if (from == null) return this.plainAddress(socket);
    this.request.ensureLoaded();
    return this.plainAddress(from.find(this.request, socket));
  }

  /** IPv4 in the form that it has by itself, wherever it stood in IPv6. */
  private plainAddress(text: Span): Span {
    if (text == NONE || indexOfByte(text, 0x3a) < 0) return text;
    if (!parsePeer(text, peer) || !isV4(peer)) return text;
    line.reset();
    writeV4(peer, line);
    return copy(line.view(), this.arena);
  }

  /** The host of the request, as of now or as it arrived, in lower case; `hasPort`: with its port, if it names
   * one. A failure where there is a Host that is no authority. */
  private readHost(value: Span, hasPort: bool, out: Value): void {
    if (value == NONE) return out.setAbsent();
    const host = authority.hostOf(value);
    if (host == NONE) return out.setFailure(Failure.UnknownHost);
    line.reset();
    line.span(host);
    if (hasPort && authority.port != authority.NO_PORT) {
      line.byte(0x3a);
      line.integer(authority.port);
    }
    const text = copy(line.view(), this.values);
    if (text == NONE || line.failed) return out.setFailure(Failure.Memory);
    ascii.lowerInPlace(text);
    out.setText(text);
  }

  /** The port that the request names, or that of its scheme. */
  private readPort(value: Span, scheme: Span, out: Value): void {
    if (value == NONE) return out.setAbsent();
    if (authority.hostOf(value) == NONE) return out.setFailure(Failure.UnknownHost);
    const isSecure = scheme != NONE && equal(scheme, field.https);
    const port = authority.port;
    out.set(Kind.Int, port != authority.NO_PORT ? port : isSecure ? 443 : 80);
  }

  status(): i32 {
    return this.responseStatus;
  }

  /** The property, under the path that older hosts know (NONE: there is no other) where need be. */
  propertyOr(path: Span, fallback: Span): Span {
    const value = host.property(path, this.values);
    return value != NONE || fallback == NONE ? value : host.property(fallback, this.values);
  }

  // ---- names in templates

  read(name: Name, out: Value): void {
    switch (name.source) {
      case Source.RequestHeader:
      case Source.RequestQueryParameter:
      case Source.RequestCookie:
      case Source.OriginalHeader:
      case Source.OriginalQueryParameter:
      case Source.OriginalCookie:
      case Source.ResponseHeader:
      case Source.ResponseTrailer:
        this.readField(name, name.key, out);
        return;
      case Source.RequestUrlPath:
        out.setText(this.sentPath());
        return;
      case Source.RequestHost:
      case Source.RequestHostname:
        this.readHost(this.request.get(field.authority), name.source == Source.RequestHost, out);
        return;
      case Source.RequestPort:
        this.readPort(this.request.get(field.authority), this.request.get(field.scheme), out);
        return;
      case Source.OriginalHost:
      case Source.OriginalHostname:
        this.readHost(
          this.original.first(field.authority),
          name.source == Source.OriginalHost,
          out,
        );
        return;
      case Source.OriginalPort:
        this.readPort(this.original.first(field.authority), this.original.first(field.scheme), out);
        return;
      case Source.RequestQuery:
        out.setText(orEmpty(queryOfTarget(this.request.get(field.path))));
        return;
      case Source.OriginalUrlPath: {
        const target = this.original.first(field.path);
        out.setText(target == NONE ? NONE : query.pathOf(target));
        return;
      }
      case Source.OriginalQuery:
        out.setText(orEmpty(queryOfTarget(this.original.first(field.path))));
        return;
      case Source.ResponseCode:
        this.readCode(name, out);
        return;
      case Source.RequestBody:
      case Source.RequestJson:
      case Source.RequestForm:
      case Source.ResponseBody:
      case Source.ResponseJson:
        this.readBody(name, out);
        return;
      case Source.Property:
        this.readProperty(name, out);
        return;
      case Source.ClientIp:
        if (this.source() != NONE) out.setText(this.client);
        else out.setFailure(Failure.UnknownClient);
        return;
      case Source.Parameter:
        out.setText(this.captured(name.index));
        return;
      case Source.Variable:
        this.readVariable(name.index, out);
        return;
      case Source.Constant:
        out.copyFrom(Value.at(name.constant));
        return;
      case Source.RuleName:
        out.setText(this.ruleName());
        return;
      case Source.Now:
        out.setTimestampOf(host.now() as i64);
        return;
      case Source.EventData:
      case Source.EventType:
      case Source.EventId:
      case Source.EventIndex:
      case Source.EventJson:
        event.read(name.source, out);
        return;
      case Source.CallStatus:
      case Source.CallHeader:
      case Source.CallBody:
      case Source.CallJson:
      case Source.CallError:
      case Source.CallValue:
        this.readCall(name, out);
        return;
      case Source.Store:
        name.cell!.read(name.key, out);
        return;
    }
    out.setAbsent();
  }

  private readCall(name: Name, out: Value): void {
    const result = unchecked(this.results[name.index]);
    if (this.failsUnknown(name, out) || !result.isThere) return;
    if (name.source == Source.CallStatus) out.set(Kind.Int, result.status);
    else if (name.source == Source.CallHeader) this.readField(name, name.key, out);
    else if (name.source == Source.CallBody) out.setText(result.body);
    else if (name.source == Source.CallError) out.setText(result.error);
    else if (name.source == Source.CallJson) result.readJson(out);
    else this.readReply(result.reply, out);
  }

  /** Whether what the name asks of a callout cannot be known, which fails where somebody judges by it;
   * `out` is absent else. That there was no answer is known. */
  private failsUnknown(name: Name, out: Value): bool {
    out.setAbsent();
    const tellsOfIt = name.source == Source.CallStatus || name.source == Source.CallError;
    if (tellsOfIt || !unchecked(this.results[name.index]).isUnknown) return false;
    const fails = doubt();
    if (fails) out.setFailure(Failure.Unset);
    return fails;
  }

  private readReply(reply: Span, out: Value): void {
    if (!isDefined(HIGRESS) || reply == NONE) return;
    if (!valueOfReply(reply, out, scratch)) out.setFailure(Failure.Memory);
  }

  /** The place for the result of a callout with a name. */
  result(i: i32): CallResult {
    return unchecked(this.results[i]);
  }

  has(name: Name, out: Value): bool {
    if (name.source == Source.CallHeader)
      return !this.failsUnknown(name, out) && unchecked(this.results[name.index]).isThere;
    if (!name.isOfBody) return true;
    this.readBody(name, out);
    return out.kind == Kind.String;
  }

  member(name: Name, key: Span, out: Value): void {
    switch (name.source) {
      case Source.RequestHeader:
      case Source.ResponseHeader:
      case Source.ResponseTrailer:
      case Source.OriginalHeader:
      case Source.CallHeader:
        this.readField(name, this.lowered(key), out);
        return;
      case Source.Store:
        name.cell!.read(key, out);
        return;
      default:
        this.readField(name, key, out);
    }
  }

  whole(name: Name, out: Value, arena: Arena): bool {
    if (name.source == Source.Store) return false; // nobody knows all keys
    const list = this.fieldsOf(name);
    const isStrict = strictness != Strictness.None;
    if (isStrict && this.isDoubtful(name, NONE, list) && doubt()) {
      out.setFailure(Failure.Ambiguous);
      return true;
    }
    return name.isList
      ? mapOfLists(list, name.isHeader, out, arena)
      : mapOf(list, isStrict, out, arena);
  }

  // ---- fields: headers, parameters, cookies, and what a form has

  /** The field of that name, or all its values. */
  protected readField(name: Name, key: Span, out: Value): void {
    const isStrict = strictness != Strictness.None;
    if (!isStrict && !name.isList) {
      out.setText(this.firstOf(name, key));
      return;
    }
    const list = this.fieldsOf(name);
    const first = list.find(key);
    if (isStrict && this.isDoubtful(name, key, list) && doubt()) out.setFailure(Failure.Ambiguous);
    else if (name.isList) this.readAll(name, key, list, out);
    else if (first == MISSING) out.setAbsent();
    else if (isStrict && !list.agrees(key, first) && doubt()) out.setFailure(Failure.SeveralValues);
    else out.setText(list.value(first));
  }

  private readAll(name: Name, key: Span, list: FieldList, out: Value): void {
    if (!listOf(list, key, name.isHeader, out, this.values)) out.setFailure(Failure.Memory);
  }

  /** The first value, which is found without taking apart what is behind it. */
  private firstOf(name: Name, key: Span): Span {
    switch (name.source) {
      case Source.RequestQueryParameter:
      case Source.OriginalQueryParameter:
        return query.parameter(queryOfTarget(this.target(name)), key, this.values);
      case Source.RequestCookie:
        this.request.ensureLoaded();
        return firstCookie(this.request, key);
      case Source.OriginalCookie:
        return firstCookie(this.original, key);
      default:
        return this.fieldsOf(name).first(key);
    }
  }

  /** All fields among which the name is one. */
  private fieldsOf(name: Name): FieldList {
    const list = this.wholeList;
    switch (name.source) {
      case Source.RequestHeader:
        return this.loaded(this.request);
      case Source.ResponseHeader:
        return this.loaded(this.response);
      case Source.ResponseTrailer:
        return this.loaded(this.responseTrailers);
      case Source.OriginalHeader:
        return this.original;
      case Source.CallHeader:
        return unchecked(this.results[name.index]).headers;
      case Source.RequestForm: {
        const form = this.form()!;
        chargeBytes(form.count * FIELD_COST); // there may be very many
        return form;
      }
      case Source.RequestQueryParameter:
      case Source.OriginalQueryParameter:
        query.parse(queryOfTarget(this.target(name)), list, this.values);
        return list;
    }
    list.clear(this.values);
    parseCookies(this.cookieLines(name), list);
    return list;
  }

  /** Whether servers may differ in what the field, or any for NONE, is. */
  private isDoubtful(name: Name, key: Span, list: FieldList): bool {
    switch (name.source) {
      case Source.RequestHeader:
      case Source.OriginalHeader:
        return key != NONE && isDoubtfulHeader(list, key);
      case Source.RequestQueryParameter:
      case Source.OriginalQueryParameter:
        return isDoubtfulParameter(list, key, scratch);
      case Source.RequestCookie:
      case Source.OriginalCookie:
        return isDoubtfulCookie(this.cookieLines(name), key);
      case Source.RequestForm:
        return this.isDoubtfulField(key);
    }
    return false;
  }

  private cookieLines(name: Name): FieldList {
    return name.source == Source.RequestCookie ? this.loaded(this.request) : this.original;
  }

  private loaded(headers: HeaderMap): FieldList {
    headers.ensureLoaded();
    return headers;
  }

  /** The request's target that the name is about: now, or as it arrived. */
  private target(name: Name): Span {
    return name.source == Source.RequestQueryParameter
      ? this.request.get(field.path)
      : this.original.first(field.path);
  }

  private lowered(name: Span): Span {
    const copied = copy(name, this.values);
    if (copied != NONE) ascii.lowerInPlace(copied);
    return copied;
  }

  /** Hosts differ in when their own word for it follows an edit. */
  private readCode(name: Name, out: Value): void {
    const code = parseStatus(this.response.get(field.status));
    if (code != 0) out.set(Kind.Int, code);
    else this.readProperty(name, out);
  }

  private readProperty(name: Name, out: Value): void {
    const value = this.propertyOr(name.key, name.fallback);
    const n = length(value);
    if (name.kind == Kind.String) {
      out.setText(value);
    } else if (name.kind == Kind.Bool && n >= 1) {
      out.setBool(load<u8>(address(value)) != 0);
    } else if (n < 8) {
      out.setAbsent();
    } else if (name.kind == Kind.Timestamp) {
      out.setTimestampOf(load<i64>(address(value)));
    } else {
      out.set(name.kind, load<u64>(address(value)));
    }
  }

  /** A variable of unknown value fails where somebody judges by it; edits read what it has. */
  private readVariable(i: i32, out: Value): void {
    if (this.variables != 0) out.copyFrom(Value.at(this.variables + i * VALUE_SIZE));
    else out.setAbsent();
    if (!this.isUnknown(i)) return;
    if (doubt()) out.setFailure(Failure.Unset);
  }

  private isUnknown(i: i32): bool {
    return this.variables == 0 ? this.areVariablesLost : load<u8>(this.unknownAt(i)) != 0;
  }

  /** The address of the byte that says of the variable that nobody knows its value: not 0 then. */
  private unknownAt(i: i32): usize {
    return this.variables + this.variableCount * VALUE_SIZE + i;
  }

  /** The units of 16 bytes that the variable will take; -1 when that is too much. */
  private unitsOf(value: Value): i32 {
    // Numbers and the like need no room beyond their place, so that events are counted without end.
    if (value.kind <= Kind.Double) return 0;
    // A value may be small because its parts are the same; a copy has each of them.
    return weight(value, this.values == this.arena ? MAX_VARIABLE : this.variableUnits);
  }

  /** Copies the value, with all that is in it, to where variables lie; false, and it is absent, when it
   * is too large to be one. */
  keep(value: Value, out: Value): bool {
    const units = settleAll(value) == Failure.None ? this.unitsOf(value) : -1;
    const isKept = units >= 0 && deepCopy(value, out, this.arena);
    if (!isKept) out.setAbsent();
    else if (this.values != this.arena) this.variableUnits -= units;
    return isKept;
  }

  /** Gives the stream's variable a value that was kept, and whether that is known to be right. */
  assign(i: i32, kept: Value, isKnown: bool): void {
    if (!this.hasVariables()) return;
    Value.at(this.variables + i * VALUE_SIZE).copyFrom(kept);
    store<u8>(this.unknownAt(i), isKnown ? 0 : 1);
  }

  /** Nobody knows any more what the stream's variable should be. */
  doubt(i: i32): void {
    if (this.hasVariables()) store<u8>(this.unknownAt(i), 1);
  }

  /** Whether there is room for the variables. Without it they are all lost, since one of them should
   * have had a value. */
  private hasVariables(): bool {
    if (this.variables != 0) return true;
    const n = this.variableCount;
    const base = this.arena.allocate(n * (VALUE_SIZE + 1));
    this.areVariablesLost = base == 0;
    if (base == 0) return false;
    for (let k = 0; k < n; k++) Value.at(base + k * VALUE_SIZE).setAbsent();
    memory.fill(base + n * VALUE_SIZE, 0, n);
    this.variables = base;
    return true;
  }
}

function keep(headers: HeaderMap, list: FieldList): void {
  headers.ensureLoaded();
  const n = headers.count;
  list.reserve(n);
  for (let i = 0; i < n; i++) list.push(headers.name(i), headers.value(i), NONE);
}

function parseCookies(headers: FieldList, list: FieldList): void {
  for (let i = headers.find(field.cookie); i != MISSING; i = headers.find(field.cookie, i + 1)) {
    chargeBytes(length(headers.value(i)));
    cookies.parse(headers.value(i), list);
  }
}

function orEmpty(s: Span): Span {
  return s == NONE ? host.EMPTY : s;
}

// What is looked through is charged to the expression that asks.
function queryOfTarget(target: Span): Span {
  if (target == NONE) return NONE;
  chargeBytes(length(target));
  return query.queryOf(target);
}

function firstCookie(headers: FieldList, name: Span): Span {
  for (let i = headers.find(field.cookie); i != MISSING; i = headers.find(field.cookie, i + 1)) {
    chargeBytes(length(headers.value(i)));
    const value = cookies.cookie(headers.value(i), name);
    if (value != NONE) return value;
  }
  return NONE;
}

function isDoubtfulCookie(headers: FieldList, name: Span): bool {
  for (let i = headers.find(field.cookie); i != MISSING; i = headers.find(field.cookie, i + 1)) {
    const line = headers.value(i);
    chargeBytes(length(line));
    if (name == NONE ? cookies.isDoubtfulLine(line) : cookies.isDoubtful(line, name)) return true;
  }
  return false;
}

/** A status line's number, or 0. */
export function parseStatus(text: Span): i32 {
  if (length(text) != 3) return 0;
  let value = 0;
  for (let i: usize = 0; i < 3; i++) {
    const c = load<u8>(address(text) + i);
    if (!ascii.isDigit(c)) return 0;
    value = value * 10 + (c as i32) - 0x30;
  }
  return value;
}
