// The names that rules may read: Envoy's attribute vocabulary and ours (docs/reference/rules.md).
// `resolve` turns a chain of segments (request.headers['x-a'] -> request, headers, x-a) into a Name
// once, at configure time; the stream reads it from then on without looking at the text again.

import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import { length, NONE, Span } from "../bytes/span";
import { copy, distance, equalsText, fromText, toString } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { Kind, Value } from "../cel/index";
import * as types from "../cel/types";
import { Type } from "../cel/types";
import * as problem from "./problem";

/** Where a name's value comes from. */
export const enum Source {
  /** A header of the request as edited so far; `key` is its name, pseudo-headers included. */
  RequestHeader,
  /** The path without the query. */
  RequestUrlPath,
  /** The query without the question mark. */
  RequestQuery,
  /** The authority without user information and trailing dot; without its port; the port. */
  RequestHost,
  RequestHostname,
  RequestPort,
  RequestQueryParameter,
  RequestCookie,
  /** The same of the request as it arrived. */
  OriginalHeader,
  OriginalUrlPath,
  OriginalHost,
  OriginalHostname,
  OriginalPort,
  OriginalQuery,
  OriginalQueryParameter,
  OriginalCookie,
  ResponseHeader,
  ResponseTrailer,
  /** Its status, as edited so far; where there is none (no response came), what the host has: `key`. */
  ResponseCode,
  /** The body as text; as the JSON that it is; as an urlencoded form, `key` being the field. */
  RequestBody,
  RequestJson,
  RequestForm,
  ResponseBody,
  ResponseJson,
  /** A property of the host; `key` is its path, `fallback` the path that older hosts know. */
  Property,
  /** The address of the connection's other end, without the port. */
  ClientIp,
  /** A capture of the rule's path template; `index` among the rule's captures. */
  Parameter,
  /** A variable of this stream; `index` among the program's variables. */
  Variable,
  /** A constant; `constant` is the address of its value. */
  Constant,
  RuleName,
  Now,
  /** Of the event that an edit of events is looking at. */
  EventData,
  EventType,
  EventId,
  EventIndex,
  EventJson,
  /** Of a callout's result; `index` among the program's callouts with a name. */
  CallStatus,
  /** `key` is the header's name. */
  CallHeader,
  CallBody,
  CallJson,
  CallError,
  /** What Redis said. */
  CallValue,
  /** A value that all workers share; `cell` reads it, `key` being its key where it has one. */
  Store,
}

/** When a name can be read. */
export const enum Phase {
  Request = 0,
  Response = 1,
  Done = 2,
  /** Of no stream: a task. */
  Task = 3,
}

/** What must be kept from the request headers on, because the host forgets it, or done to them. */
export const enum Demand {
  Request = 1,
  Original = 2,
  /** The response is read or edited as a whole: no part of it is asked for. */
  WholeResponse = 4,
  /** The response's headers as they arrived. */
  OriginalResponse = 8,
  /** The response's body is edited, so that its validator becomes a weak one. */
  EditedResponse = 16,
}

/** A name of `store`, or all values under the keys of one. */
export abstract class Cell {
  constructor(
    readonly name: Span,
    readonly isKeyed: bool,
  ) {}

  /** The value as it is now, with what is in it in the scratch arena. */
  abstract read(key: Span, out: Value): void;
}

@final
export class Name {
  source: Source = Source.Constant;
  key: Span = NONE;
  fallback: Span = NONE;
  index: i32 = 0;
  /** Of a property: what its bytes are. */
  kind: Kind = Kind.String;
  /** What the checker knows of it. */
  type: Type = types.maybeString;
  /** All of them: a map of names to values. */
  isMap: bool = false;
  /** All values of one name, as a list. */
  isList: bool = false;
  constant: usize = 0;
  cell: Cell | null = null;
  /** The first phase in which it exists. */
  since: Phase = Phase.Request;

  /** There is no such thing without a stream. */
  get isOfStream(): bool {
    if (this.source == Source.Property) {
      const path = toString(this.key);
      return !path.startsWith("xds\0node") && !path.startsWith("plugin_");
    }
    return (
      this.source < Source.Variable ||
      (this.source >= Source.EventData && this.source <= Source.EventJson)
    );
  }

  /** A part of the request's target as it is written there, or a constant. */
  get isOfTarget(): bool {
    switch (this.source) {
      case Source.RequestHeader:
      case Source.OriginalHeader:
        return this.key != NONE && equalsText(this.key, ":path");
      case Source.RequestUrlPath:
      case Source.RequestQuery:
      case Source.OriginalUrlPath:
      case Source.OriginalQuery:
      case Source.Parameter:
      case Source.Constant:
        return true;
    }
    return false;
  }

  /** It is of headers, whose values may be lists. */
  get isHeader(): bool {
    return (
      this.source == Source.RequestHeader ||
      this.source == Source.OriginalHeader ||
      this.source == Source.ResponseHeader
    );
  }

  /** It is read from a body, which is there in the phase `since` and not later. */
  get isOfBody(): bool {
    return this.source >= Source.RequestBody && this.source <= Source.ResponseJson;
  }
}

/** What a chain may refer to beyond the fixed vocabulary; the decoder of a rule fills it. */
export abstract class Names {
  /** What the names resolved so far ask of a stream: bits of Demand. */
  demands: i32 = 0;
  /** Whether one of them is read from a body; whoever asks sets it to false before. */
  readsBody: bool = false;
  /** Whether one of them is of the request; whoever asks sets it to false before. */
  readsRequest: bool = false;
  /** Whether what is compiled is an edit of events. */
  inEvents: bool = false;
  /** Whether what is compiled is an edit of trailers, which are there then. */
  inTrailers: bool = false;

  /** The value of `vars.NAME…`, as a constant, or null. */
  abstract constant(path: Span[]): Name | null;
  /** The table `tables.NAME` that the path begins with, as a constant, or null. */
  abstract table(path: Span[]): Name | null;
  /** The index of the capture, or -1. */
  abstract parameter(name: Span): i32;
  /** The index of the stream variable, or -1 when no step sets it. */
  abstract variable(name: Span): i32;
  /** The index of the callout whose result has the name, or -1 when there is none. */
  abstract call(name: Span): i32;
  /** What `store.NAME` reads, or null when no step stores it. */
  abstract stored(name: Span): Cell | null;
}

// Properties that are not text. The others are handed on as the host's bytes.
const INTEGERS =
  "request.size request.total_size request.headers_bytes response.code response.flags " +
  "response.size response.total_size response.grpc_status source.port destination.port " +
  "upstream.port upstream.num_endpoints upstream.request_attempt_count connection.id ";
const BOOLEANS = "connection.mtls ";
const DURATIONS = "request.duration response.backend_latency upstream.cx_pool_ready_duration ";
const TIMESTAMPS = "request.time ";

// The members of each root, for checking and for suggestions. What the host would not know is absent, and
// a guard that reads it would never act: nothing is handed to the host that is not in one of these lists.
const REQUEST =
  "path url_path host hostname port scheme method headers header_values query query_params query_values cookies " +
  "cookie_values body json form form_values useragent " +
  "referer id protocol time duration size total_size headers_bytes ";
const RESPONSE =
  "code code_details headers header_values body json flags size total_size grpc_status " +
  "backend_latency trailers ";
const SOURCE = "address port ";
const CERTIFICATES =
  "tls_version subject_local_certificate subject_peer_certificate dns_san_local_certificate " +
  "dns_san_peer_certificate uri_san_local_certificate uri_san_peer_certificate " +
  "sha256_peer_certificate_digest transport_failure_reason ";
const CONNECTION = "id mtls requested_server_name termination_details " + CERTIFICATES;
const UPSTREAM =
  "address port local_address locality num_endpoints request_attempt_count " +
  "cx_pool_ready_duration " +
  CERTIFICATES;
const XDS =
  "node cluster_name cluster_metadata route_name route_metadata listener_direction " +
  "listener_metadata filter_chain_name virtual_host_name virtual_host_metadata " +
  "upstream_host_metadata upstream_host_locality_metadata ";
const NODE =
  "id cluster metadata dynamic_parameters locality user_agent_name user_agent_version " +
  "user_agent_build_version extensions client_features listening_addresses ";
/** Of `xds` and `node`: those that have members of their own, which the operator of the host names. */
const OPEN = "node metadata locality dynamic_parameters user_agent_build_version ";
const EVENT = "data type id index json ";
const CALL = "status headers body json error value ";
const ROOTS =
  "request original response source destination connection upstream xds node metadata " +
  "filter_state client params vars tables ctx store calls rule now event plugin_name plugin_root_id plugin_vm_id ";

const texts: Type = types.list(types.string_);

/** The nearest word of a space-separated list, as `, did you mean "…"?`, or nothing. */
export function suggestion(word: Span, list: string): string {
  let best = "";
  let bestDistance = 3;
  const arena = Arena.create();
  const words = list.split(" ");
  for (let i = 0; i < words.length; i++) {
    if (words[i].length == 0) continue;
    const d = distance(word, fromText(words[i], arena), 2);
    // A short word is near to everything.
    if (d < bestDistance && d * 2 < words[i].length) {
      best = words[i];
      bestDistance = d;
    }
  }
  arena.destroy();
  return best.length ? ', did you mean "' + best + '"?' : "";
}

/** With `exact`: the word itself if it is a root, else nothing. Without: what to say of roots near it. */
export function rootSuggestion(word: Span, exact: bool): string {
  if (exact) return isOneOf(word, ROOTS) ? toString(word) : "";
  return suggestion(word, ROOTS);
}

/** How many segments of the chain `resolve` took; what follows them is asked of the value. */
export let resolvedSegments: i32 = 0;

/** The name that the chain begins with, or null with the problem noted. Spans of the result live in
 * `arena`. */
export function resolve(chain: Span[], names: Names, arena: Arena): Name | null {
  const root = chain[0];
  const name = new Name();
  resolvedSegments = min(chain.length, 2);
  if (equalsText(root, "request")) return requestName(chain, name, false, arena);
  if (equalsText(root, "original")) return requestName(chain, name, true, arena);
  if (equalsText(root, "response")) return responseName(chain, name, names, arena);
  if (equalsText(root, "params")) {
    if (chain.length < 2) return unknown(chain, "params.NAME");
    name.source = Source.Parameter;
    name.index = names.parameter(chain[1]);
    if (name.index >= 0) return name;
    return reject('the path template of this rule has no capture "' + toString(chain[1]) + '"');
  }
  if (equalsText(root, "vars")) {
    const constant = names.constant(chain);
    resolvedSegments = chain.length;
    if (constant != null) return constant;
    return reject('no such constant in vars: "' + dotted(chain) + '"');
  }
  if (equalsText(root, "tables")) {
    if (chain.length < 2) return unknown(chain, "tables.NAME[KEY]");
    const table = names.table(chain);
    if (table != null) return table;
    return reject('there is no table "' + toString(chain[1]) + '"');
  }
  if (equalsText(root, "ctx")) {
    if (chain.length < 2) return unknown(chain, "ctx.NAME");
    name.source = Source.Variable;
    name.type = types.dyn;
    name.index = names.variable(chain[1]);
    if (name.index >= 0) return name;
    return reject('no step sets the variable "' + toString(chain[1]) + '"');
  }
  if (equalsText(root, "store")) return storedName(chain, name, names, arena);
  if (equalsText(root, "rule")) {
    if (chain.length < 2 || !equalsText(chain[1], "name")) return unknown(chain, "rule.name");
    name.source = Source.RuleName;
    name.type = types.string_;
    return name;
  }
  if (equalsText(root, "now")) {
    resolvedSegments = 1;
    name.source = Source.Now;
    name.type = types.timestamp;
    return name;
  }
  if (equalsText(root, "event")) return eventName(chain, name, names);
  if (equalsText(root, "calls")) return callName(chain, name, names, arena);
  if (equalsText(root, "client")) {
    if (chain.length < 2 || !equalsText(chain[1], "ip")) return unknown(chain, "client.ip");
    name.source = Source.ClientIp;
    name.key = fromText("source\0address", arena);
    return name;
  }
  return propertyName(chain, name, arena);
}

function storedName(chain: Span[], name: Name, names: Names, arena: Arena): Name | null {
  if (chain.length < 2) return unknown(chain, "store.NAME");
  const cell = names.stored(chain[1]);
  if (cell == null) return reject('no step stores "' + toString(chain[1]) + '"');
  name.source = Source.Store;
  name.type = types.dyn;
  name.cell = cell;
  if (!cell.isKeyed) return name;
  if (chain.length == 2) {
    name.isMap = true;
    name.type = types.map(types.string_, types.dyn);
    return name;
  }
  resolvedSegments = 3;
  name.key = copy(chain[2], arena);
  return name;
}

function eventName(chain: Span[], name: Name, names: Names): Name | null {
  if (chain.length < 2) return unknown(chain, "event.NAME");
  if (!names.inEvents) return reject("there is an event only in the edits of the verb events");
  const member = toString(chain[1]);
  if (member == "data") name.source = Source.EventData;
  else if (member == "type") name.source = Source.EventType;
  else if (member == "id") name.source = Source.EventId;
  else if (member == "index") name.source = Source.EventIndex;
  else if (member == "json") name.source = Source.EventJson;
  else return reject('unknown name "' + dotted(chain) + '"' + suggestion(chain[1], EVENT));
  if (member == "json") name.type = types.dyn;
  else if (member == "index") name.type = types.int;
  return name;
}

function callName(chain: Span[], name: Name, names: Names, arena: Arena): Name | null {
  if (chain.length < 3) return unknown(chain, "calls.NAME.status");
  name.index = names.call(chain[1]);
  if (name.index < 0) return reject('no callout has the name "' + toString(chain[1]) + '"');
  const member = toString(chain[2]);
  resolvedSegments = 3;
  if (member == "headers") {
    name.source = Source.CallHeader;
    if (chain.length == 3) {
      name.isMap = true;
      name.type = types.map(types.string_, types.maybeString);
      return name;
    }
    resolvedSegments = 4;
    name.key = copy(chain[3], arena);
    ascii.lowerInPlace(name.key);
  } else if (member == "status") {
    name.source = Source.CallStatus;
    name.type = types.maybeInt;
  } else if (member == "body") {
    name.source = Source.CallBody;
  } else if (member == "json") {
    name.source = Source.CallJson;
    name.type = types.dyn;
  } else if (member == "value") {
    name.source = Source.CallValue;
    name.type = types.dyn;
  } else if (member == "error") {
    name.source = Source.CallError;
  } else {
    return reject('unknown name "' + dotted(chain) + '"' + suggestion(chain[2], CALL));
  }
  return name;
}

function reject(message: string): Name | null {
  problem.fail("R301", 0, message);
  return null;
}

function unknown(chain: Span[], form: string): Name | null {
  return reject('unknown name "' + dotted(chain) + '"; the form is ' + form);
}

function dotted(chain: Span[]): string {
  let text = toString(chain[0]);
  for (let i = 1; i < chain.length; i++) text += "." + toString(chain[i]);
  return text;
}

function requestName(chain: Span[], name: Name, original: bool, arena: Arena): Name | null {
  if (chain.length < 2) return unknown(chain, toString(chain[0]) + ".NAME");
  const member = chain[1];
  const header = original ? Source.OriginalHeader : Source.RequestHeader;
  name.source = header;
  if (isFields(member, "headers", "header_values", name)) return memberName(chain, name, arena);
  if (isFields(member, "query_params", "query_values", name)) {
    name.source = original ? Source.OriginalQueryParameter : Source.RequestQueryParameter;
    return memberName(chain, name, arena);
  }
  if (isFields(member, "cookies", "cookie_values", name)) {
    name.source = original ? Source.OriginalCookie : Source.RequestCookie;
    return memberName(chain, name, arena);
  }
  if (!original && bodyName(member, Source.RequestBody, name)) return name;
  if (!original && isFields(member, "form", "form_values", name)) {
    name.source = Source.RequestForm;
    return memberName(chain, name, arena);
  }
  if (length(member) > 0) {
    const pseudo = headerBehind(member);
    if (pseudo.length) {
      name.key = fromText(pseudo, arena);
      return name;
    }
    if (equalsText(member, "url_path")) {
      name.source = original ? Source.OriginalUrlPath : Source.RequestUrlPath;
      return name;
    }
    if (equalsText(member, "host")) {
      name.source = original ? Source.OriginalHost : Source.RequestHost;
      return name;
    }
    if (equalsText(member, "hostname")) {
      name.source = original ? Source.OriginalHostname : Source.RequestHostname;
      return name;
    }
    if (equalsText(member, "port")) {
      name.source = original ? Source.OriginalPort : Source.RequestPort;
      name.type = types.maybeInt;
      return name;
    }
    if (equalsText(member, "query")) {
      name.source = original ? Source.OriginalQuery : Source.RequestQuery;
      return name;
    }
    if (!original && isOneOf(member, REQUEST)) {
      return propertyName(chain.slice(0, 2), name, arena);
    }
  }
  return reject('unknown name "' + dotted(chain) + '"' + suggestion(member, REQUEST));
}

/** Whether the member stands for such fields: for the first value of each name, or for all of them. */
function isFields(member: Span, first: string, all: string, name: Name): bool {
  name.isList = equalsText(member, all);
  return name.isList || equalsText(member, first);
}

/** Whether the member is the body or the JSON in it; `body` is the source of the former. */
function bodyName(member: Span, body: Source, name: Name): bool {
  const isJson = equalsText(member, "json");
  if (!isJson && !equalsText(member, "body")) return false;
  name.source = isJson ? body + 1 : body;
  if (isJson) name.type = types.dyn;
  return true;
}

/** One of the headers, parameters, cookies or form fields, or all of them. */
function memberName(chain: Span[], name: Name, arena: Arena): Name {
  if (chain.length == 2) {
    name.isMap = true;
    name.type = types.map(types.string_, name.isList ? texts : types.maybeString);
    return name;
  }
  resolvedSegments = 3;
  if (name.isList) name.type = texts;
  name.key = copy(chain[2], arena);
  const isHeader = name.source == Source.RequestHeader || name.source == Source.OriginalHeader;
  const isOfResponse =
    name.source == Source.ResponseHeader || name.source == Source.ResponseTrailer;
  if (isHeader || isOfResponse) ascii.lowerInPlace(name.key);
  return name;
}

/** The header that an attribute of the request is read from, or nothing. */
function headerBehind(member: Span): string {
  if (equalsText(member, "path")) return ":path";
  if (equalsText(member, "method")) return ":method";
  if (equalsText(member, "scheme")) return ":scheme";
  if (equalsText(member, "useragent")) return "user-agent";
  if (equalsText(member, "referer")) return "referer";
  if (equalsText(member, "id")) return "x-request-id";
  return "";
}

function responseName(chain: Span[], name: Name, names: Names, arena: Arena): Name | null {
  if (chain.length < 2) return unknown(chain, "response.NAME");
  name.since = Phase.Response;
  const member = chain[1];
  if (isFields(member, "headers", "header_values", name)) {
    name.source = Source.ResponseHeader;
    return memberName(chain, name, arena);
  }
  if (equalsText(member, "trailers")) {
    name.source = Source.ResponseTrailer;
    if (!names.inTrailers) name.since = Phase.Done;
    return memberName(chain, name, arena);
  }
  if (bodyName(member, Source.ResponseBody, name)) return name;
  if (equalsText(member, "code")) {
    const code = propertyName(chain.slice(0, 2), name, arena);
    name.source = Source.ResponseCode;
    return code;
  }
  if (isOneOf(member, RESPONSE)) return propertyName(chain.slice(0, 2), name, arena);
  return reject('unknown name "' + dotted(chain) + '"' + suggestion(member, RESPONSE));
}

/** Whether the word is one of the list, in which a space follows each. */
function isOneOf(word: Span, list: string): bool {
  return length(word) > 0 && isWordOf(toString(word), list);
}

function isWordOf(word: string, list: string): bool {
  return (" " + list).includes(" " + word + " ");
}

/** What may follow the root, `""` where it is for the operator of the host to say. */
function membersOf(root: Span): string {
  if (equalsText(root, "source") || equalsText(root, "destination")) return SOURCE;
  if (equalsText(root, "connection")) return CONNECTION;
  if (equalsText(root, "upstream")) return UPSTREAM;
  if (equalsText(root, "xds")) return XDS;
  return equalsText(root, "node") ? NODE : "";
}

/** Whether the segment has members that are for the operator of the host to name. */
function isOpen(root: Span, segment: Span): bool {
  if (!equalsText(root, "xds") && !equalsText(root, "node")) return false;
  return isOneOf(segment, OPEN) || toString(segment).endsWith("_metadata");
}

/** How much of the chain names an attribute of the host; 0, noted, when there is none of that name. What
 * follows a plain value is asked of the value. */
function propertyLength(chain: Span[]): i32 {
  const root = chain[0];
  const n = chain.length;
  if (!isOneOf(root, ROOTS)) return refuseProperty(chain, root, ROOTS);
  if (toString(root).startsWith("plugin_")) return 1;
  if (n < 2) return equalsText(root, "metadata") ? 1 : refuseBare(chain);
  // Of the request and of the response: looked up already.
  if (equalsText(root, "request") || equalsText(root, "response")) return n;
  const members = membersOf(root);
  if (members.length == 0) return n;
  if (!isOneOf(chain[1], members)) return refuseProperty(chain, chain[1], members);
  if (equalsText(chain[1], "node") && n > 2 && !isOneOf(chain[2], NODE))
    return refuseProperty(chain, chain[2], NODE);
  const last = equalsText(chain[1], "node") ? 2 : 1;
  return last >= n || isOpen(root, chain[last]) ? n : last + 1;
}

function refuseProperty(chain: Span[], word: Span, list: string): i32 {
  reject('unknown name "' + dotted(chain) + '"' + suggestion(word, list));
  return 0;
}

function refuseBare(chain: Span[]): i32 {
  unknown(chain, toString(chain[0]) + ".NAME");
  return 0;
}

/** An attribute the host knows: the path is handed to it as it stands. */
function propertyName(whole: Span[], name: Name, arena: Arena): Name | null {
  const n = propertyLength(whole);
  if (n == 0) return null;
  const chain = whole.slice(0, n);
  const root = chain[0];
  name.source = Source.Property;
  resolvedSegments = n;
  const text = dotted(chain);
  if (isWordOf(text, INTEGERS)) {
    name.kind = Kind.Int;
    name.type = types.maybeInt;
  } else if (isWordOf(text, BOOLEANS)) {
    name.kind = Kind.Bool;
    name.type = types.maybeBool;
  } else if (isWordOf(text, DURATIONS)) {
    name.kind = Kind.Duration;
    name.type = types.duration;
  } else if (isWordOf(text, TIMESTAMPS)) {
    name.kind = Kind.Timestamp;
    name.type = types.timestamp;
  }
  if (equalsText(root, "upstream")) name.since = Phase.Response;
  if (text == "request.duration") name.since = Phase.Done;
  // Hosts before and after the move of these names under `xds`.
  if (equalsText(root, "xds")) {
    name.key = joined(chain, 0, "", arena);
    name.fallback = joined(chain, 1, "", arena);
  } else if (equalsText(root, "node")) {
    name.key = joined(chain, 0, "xds", arena);
    name.fallback = joined(chain, 0, "", arena);
  } else {
    name.key = joined(chain, 0, "", arena);
  }
  return name;
}

/** The segments from `from` on, separated by NUL as the ABI wants them. */
function joined(chain: Span[], from: i32, prefix: string, arena: Arena): Span {
  const out = Writer.create();
  out.text(prefix);
  for (let i = from; i < chain.length; i++) {
    if (i > from || prefix.length) out.byte(0);
    out.span(chain[i]);
  }
  const path = copy(out.view(), arena);
  out.destroy();
  return path;
}
