// Generated from schema/ruleway.schema.json by `npm run generate`. Do not edit.

/**
 * How long an answer may take; default 500ms.
 */
export type Duration = string;
/**
 * Bytes: `10MiB`, `64KiB`, `500`.
 */
export type Size = string | number;
/**
 * Bytes: `10MiB`, `64KiB`, `500`.
 */
export type Size1 = string | number;
/**
 * How often it runs; 100ms at least, 24h at most. Runs keep to that rhythm however long one takes: while one is going on, the next is left out (counted as `task.skipped`).
 */
export type Duration1 = string;
/**
 * Shown in diagnostics.
 */
export type StepName = string;
export type ValueOrList = string | number | boolean | [Value, ...Value[]];
/**
 * Text that may hold `$(…)`, a number or a boolean.
 */
export type Value = string | number | boolean;
/**
 * Text that may hold `$(…)`.
 */
export type Template = string;
/**
 * How long is waited in all, retries included. Default: the service's.
 */
export type Duration2 = string;
/**
 * Bytes: `10MiB`, `64KiB`, `500`.
 */
export type Size2 = string | number;
export type StatusCode = number;
/**
 * How long the reply may take; default: the service's. The host gives up after the service's in any case.
 */
export type Duration3 = string;
/**
 * Several callouts at a time; goes on when all are answered.
 *
 * @minItems 1
 * @maxItems 32
 */
export type Parallel = [ParallelCall, ...ParallelCall[]];
/**
 * Bytes: `10MiB`, `64KiB`, `500`.
 */
export type Size3 = string | number;
/**
 * Default: the service's.
 */
export type Duration4 = string;
/**
 * Bytes: `10MiB`, `64KiB`, `500`.
 */
export type Size4 = string | number;
/**
 * None waits longer for others; default 1s.
 */
export type Duration5 = string;
/**
 * Bytes: `10MiB`, `64KiB`, `500`.
 */
export type Size5 = string | number;
/**
 * Text with templates, of which a single `$(…)` keeps its type; or a value that keeps the type it is written with. `null` takes the value away.
 */
export type StoredValue = string | number | boolean | null | unknown[] | StoredValue1;
/**
 * After that it is absent; default: never.
 */
export type Duration6 = string;
/**
 * A line in the host's log. Values of authorization, proxy-authorization, cookie, set-cookie and x-api-key that its expressions read are `***` in it.
 */
export type Log = string | Log1;
/**
 * A template, or one whose values are known.
 */
export type MetricTag = string | MetricTag1;
/**
 * No further steps and no further rules in this phase.
 */
export type Stop = true;
/**
 * What the proxy does by itself, again and again, without a stream. Requests neither wait for a task nor fail with it; what it finds out reaches them by `store`.
 *
 * @maxItems 32
 */
export type Tasks = Task[];
export type Globs = string | [string, ...string[]];
/**
 * `present`, `absent`, a value to be equal to, or an object.
 */
export type Matcher = string | ValueMatcher;
/**
 * What a failed expression of this step does instead: `skip` the step, even a guard; `deny` the message (403, or 502 for a response).
 */
export type StepOnError = "skip" | "deny";
/**
 * Bytes: `10MiB`, `64KiB`, `500`.
 */
export type Size6 = string | number;
/**
 * The new path. The query stays unless the new path has one.
 */
export type Path = string | PathRewrite;
/**
 * Bytes: `10MiB`, `64KiB`, `500`.
 */
export type Size7 = string | number;
/**
 * Take members and elements away.
 *
 * @minItems 1
 */
export type JsonPlaces = [string, ...string[]];
/**
 * Of equal elements of these arrays leave the first. Numbers are equal by value, objects whatever the order of their members.
 *
 * @minItems 1
 */
export type JsonPlaces1 = [string, ...string[]];
/**
 * Bytes: `10MiB`, `64KiB`, `500`.
 */
export type Size8 = string | number;
/**
 * Bytes: `10MiB`, `64KiB`, `500`.
 */
export type Size9 = string | number;
/**
 * Bytes: `10MiB`, `64KiB`, `500`.
 */
export type Size10 = string | number;
/**
 * Bytes: `10MiB`, `64KiB`, `500`.
 */
export type Size11 = string | number;
/**
 * Bytes: `10MiB`, `64KiB`, `500`.
 */
export type Size12 = string | number;
/**
 * How long the request waits in all, retries included. Default: the service's.
 */
export type Duration7 = string;
/**
 * How long an answer is good for.
 */
export type Duration8 = string;
/**
 * How long a denial is; `0s`: denials are not kept. Default: `ttl`.
 */
export type Duration9 = string;
/**
 * How much longer an answer is good for while the service fails.
 */
export type Duration10 = string;
/**
 * Default 15s.
 */
export type Duration11 = string;
/**
 * Bytes: `10MiB`, `64KiB`, `500`.
 */
export type Size13 = string | number;
/**
 * Rules run in order; every rule that matches applies.
 */
export type Rules = Rule[];

/**
 * Rules that change HTTP traffic. One tree, written as YAML by people and read as JSON by the filter.
 */
export interface RulewayRuleFile {
  /**
   * Version of the rule language; required beside `rules`.
   */
  ruleway?: 1;
  vars?: Vars;
  tables?: Tables;
  services?: Services;
  redact?: RedactSets;
  limits?: Limits;
  settings?: Settings;
  tasks?: Tasks;
  rules?: Rules;
  /**
   * The Higress envelope: documents of their own for routes, domains and services. The first entry that matches replaces the rules above and inherits the rest.
   */
  _rules_?: Entry[];
  /**
   * Set by Higress; shown in log lines.
   */
  _plugin_id_?: string;
}
/**
 * Constants, read as `$(vars.NAME)`.
 */
export interface Vars {
  /**
   * Any JSON value.
   */
  [k: string]: {
    [k: string]: unknown;
  };
}
/**
 * Constants to look up by key, read as `$(tables.NAME[KEY])`; a key that a table does not have is absent. How large a table is makes no difference to a look-up.
 */
export interface Tables {
  /**
   * Any JSON value by key.
   */
  [k: string]: {
    /**
     * Any JSON value.
     */
    [k: string]: {
      [k: string]: unknown;
    };
  };
}
/**
 * Where callouts go, by name.
 */
export interface Services {
  [k: string]: Service;
}
export interface Service {
  /**
   * The Envoy cluster that is called.
   */
  cluster: string;
  /**
   * `:authority` of the calls; default: the cluster's name.
   */
  authority?: string;
  timeout?: Duration;
  redis?: RedisServer;
}
/**
 * The service is Redis: `redis` steps send it commands, `rateLimit` of the scope `cluster` counts there, and nothing else calls it. Only Higress has a client for it (R402).
 */
export interface RedisServer {
  /**
   * Of an ACL user (Redis 6); default: only the password is sent.
   */
  username?: string;
  password?: string;
  /**
   * The database; default 0.
   */
  db?: number;
}
/**
 * What must not leave with events and log lines, by name: `redact: NAME` in `emit`, `log` and `attributes`.
 */
export interface RedactSets {
  [k: string]: Redact;
}
/**
 * What must not leave. Values become `***`. Never told, whatever stands here, are the values of authorization, proxy-authorization, cookie, set-cookie and x-api-key, and passwords in URLs. Where the same as in a secret header stands elsewhere, percent-encoded or not (a variable, another header, a query or body that repeats it), it is stars too, whatever edits have made of the header since: what counts are the headers as they arrived, and as they are. That holds for credentials without their scheme, the password in Basic ones, and other values from 8 bytes on, and for those of single cookies from 16, with quotes or without. A body that is coded, binary, cut, or not the JSON it should be cannot be looked into: it is left out (`body_redacted`), once there is `query`, `json` or `patterns`. Of cut lines of JSON and streams of events the whole lines are told.
 */
export interface Redact {
  /**
   * Headers, of requests, responses and callouts, besides those that are never told.
   */
  headers?: string | [string, ...string[]];
  /**
   * Names of parameters and of fields of forms, urlencoded and multipart: in the target and wherever else a URL or form stands, in header values, bodies, strings of JSON and texts. In any letter case, percent-encoded or not, with `[]`, behind `?`, `&`, `;` or `#`. A value that holds such a parameter encoded in it becomes stars as a whole.
   */
  query?: string | [string, ...string[]];
  /**
   * Members of JSON that are removed: pointers or paths. In bodies, lines of JSON, data of server-sent events, events of your own, and strings that are JSON themselves.
   */
  json?: string | [string, ...string[]];
  /**
   * What they find in header values, bodies, events of your own and texts, RE2; in JSON in each string and number.
   */
  patterns?: string | [string, ...string[]];
}
/**
 * What a body may measure. A request over it is answered 413 (before the upstream is touched when content-length tells). A response over it is answered 502 when content-length tells, or while its headers are held; one in chunks whose headers have gone on is broken off, so that nobody takes it for whole. A rule's own limits replace the document's for the requests that the rule matches; where several rules match, the smallest holds.
 */
export interface Limits {
  requestBody?: Size;
  responseBody?: Size;
}
export interface Settings {
  /**
   * What one bad rule costs: `reject` refuses the whole document and the one before it stays in force, `skip` leaves out that rule (or keeps its last good version) and the rest works.
   */
  onInvalidRule?: "reject" | "skip";
  /**
   * Whether edits of the request select its route anew; default false, which Higress can do where `host` says that it is the host. Rules and steps may have their own. Envoy forgets the route at each edit of the request by a filter of this kind, whatever stands here (measured on 1.40): there, let routes match what no rule edits.
   */
  reroute?: boolean;
  /**
   * Whose conventions hold: `higress` selects a request's route anew after edits of headers unless it is told not to, so where nothing says `reroute: true` it is told. Default `envoy`, which cannot be told; with `--target higress`, and in `dist/ruleway-higress.wasm`, it is `higress`.
   */
  host?: "envoy" | "higress";
  rebuild?: Rebuild;
  /**
   * How many requests a worker begins before it looks at its connections again, where the host knows how (Higress). It holds for the whole process: of several the smallest.
   */
  maxRequestsPerIoCycle?: number;
  /**
   * Whether the host's metrics tell of each rule by name: `ruleway.rule.NAME.applied`, `.skipped.REASON`, `.failed`, `.refused`; default true. Each costs a stream one host call.
   */
  ruleMetrics?: boolean;
  paths?: Paths;
  clientIp?: ClientIp;
  /**
   * That the host can hold headers while the body is read: Envoy with `allow_on_headers_stop_iteration: true`, Higress always. `ruleway compile --target` sets it, and `dist/ruleway-higress.wasm` takes it for granted. A host that cannot is found out as soon as a body has come that it never shows: what would wait is answered 503 and counted as `ruleway.refused.headers_not_held`, and the log names this setting. Default false.
   */
  holdHeaders?: boolean;
  /**
   * Which entry of `_rules_` applies when several domains match: the first in order, as Higress does, or the most specific.
   */
  domains?: "inOrder" | "mostSpecific";
}
/**
 * Asks the host for a new VM, where it knows how (Higress; elsewhere nothing comes of it): once, and again after as much again if it is still the old one.
 */
export interface Rebuild {
  /**
   * After so many requests.
   */
  afterRequests?: number;
  maxMemory?: Size1;
}
/**
 * What is done with the path of a request before anything is judged by it. `match.path` always compares normal forms: without dot segments, with what need not be escaped bare, with a run of slashes as one. What is said here is what goes on to the upstream, and what expressions read.
 */
export interface Paths {
  /**
   * Whether the normal form of a path goes on in its place (RFC 3986 6.2.2, as Envoy's `normalize_path`): dot segments are carried out, escapes of unreserved characters undone, backslashes made slashes, and what a path cannot hold is escaped; a path with `%00` is refused with 400. Default true, wherever a rule looks at the request; with `settings.paths` for every request.
   */
  normalize?: boolean;
  /**
   * Whether a run of slashes goes on as one. Default false, as a path may hold a URL: `/proxy/https://example.com/`.
   */
  mergeSlashes?: boolean;
  /**
   * What becomes of `%2F` and `%5C` in a path: `keep` (default) leaves them, and they are no slashes to any rule, `reject` refuses the request with 400, `unescape` makes slashes of them, before dot segments are carried out.
   */
  encodedSlashes?: "keep" | "reject" | "unescape";
}
/**
 * Where the client's address is read, for `client.ip` and `match.source`, where a header tells it: behind other proxies, or where the host does not say from where a connection comes. Without it, it is the `source.address` of the host, which is what the client writes where Envoy lacks `use_remote_address: true`. Where it cannot be known, since what stands there is no address, guards act and nothing else does.
 */
export interface ClientIp {
  /**
   * The header: a list of addresses, the latest at the right, as `x-forwarded-for`, or `forwarded` (RFC 7239). Whatever stands further left than what is trusted, the client may have written.
   */
  header: string;
  /**
   * How many entries at the right are of proxies that are trusted; the one before them is the client. It counts as Envoy's `xff_num_trusted_hops` does: the address that Envoy itself adds with `use_remote_address: true` is the last entry. Default 0: the last entry is the client. With fewer entries the client is not known.
   */
  trustedHops?: number;
  /**
   * Or: the addresses of those proxies. The header counts only where the connection comes from one of them; the last entry that is none of them is the client, or the first when all are.
   */
  trusted?: string | [string, ...string[]];
}
export interface Task {
  /**
   * Shown in logs and diagnostics, and read as `$(rule.name)`; no two tasks have one name.
   */
  name: string;
  every: Duration1;
  /**
   * It also runs as soon as the configuration is in force; default false: the first run is after `every`. With `leader`, only where no run has been claimed under earlier rules: then the next one comes when it is due.
   */
  onStart?: boolean;
  /**
   * Each run but that of `onStart` is so much later at most, at random, so that not all workers and proxies ask at one moment: `2s`, or `10%` of `every`; not more than `every`. Default none.
   */
  jitter?: string;
  /**
   * One worker of the whole proxy runs it; default false: each does for itself, and so does the main thread of Envoy, which has a VM too. That one holds a lease in the data that workers share; when it dies, another takes over once the lease has expired: after `every`, but 5s at least and 60s at most. No period has two runs.
   */
  leader?: boolean;
  /**
   * Steps in order. A run has failed when a callout of it has no answer or one of 500 or more, or a command no reply or an error: it is tried again after 1s, 2s, 4s and so on, until the next run is due.
   *
   * @minItems 1
   */
  steps: [TaskStep, ...TaskStep[]];
}
/**
 * One verb, and what says whether it is done. There is no request and no response, so their names are refused (R312), as are `send`, a refusing `onError` of `call` and `redis`, and the event `api` of `emit`.
 */
export interface TaskStep {
  name?: StepName;
  /**
   * A CEL expression: the step is done only where it is true; sees the edits made so far. When it fails, a guard (authorize, rateLimit, limit, validate, respond, redirect, forward, a call, redis or parallel that denies) acts, what says `onError: deny` denies, and everything else is skipped.
   */
  when?: string;
  call?: Call;
  redis?: RedisCommand;
  parallel?: Parallel;
  emit?: Emit;
  set?: Set;
  store?: Store;
  log?: Log;
  metric?: Metric;
  stop?: Stop;
}
/**
 * Ask a service over HTTP. The message waits for the answer; where the stream is done, nobody waits and the callout goes out for its effect.
 */
export interface Call {
  /**
   * Name of an entry of `services`.
   */
  service: string;
  /**
   * Default GET; with a body POST.
   */
  method?: string;
  /**
   * Default `/`.
   */
  path?: string;
  /**
   * Headers of the request to send along; default none.
   */
  send?: string | [string, ...string[]];
  headers?: HeaderValues;
  body?: Template;
  /**
   * Any JSON value.
   */
  json?: {
    [k: string]: unknown;
  };
  timeout?: Duration2;
  /**
   * How often the service is asked again, at once, when there is no answer or one of 500 and more, while `timeout` allows; default 0. Not where the stream is done.
   */
  retries?: number;
  maxBody?: Size2;
  /**
   * The answer is `calls.NAME` from then on: `status` (0: no answer; Envoy puts 503 or 504 there), `headers`, `body`, `json`, `error`.
   */
  as?: string;
  /**
   * No answer (refused, reset, timed out: Envoy says 503 or 504 then) or a status of 500 or more: `continue` (the default), `deny` (503 in the request, 502 in the response) or a status of your own.
   */
  onError?: ("continue" | "deny") | StatusCode;
}
/**
 * Headers of your own.
 */
export interface HeaderValues {
  [k: string]: ValueOrList;
}
/**
 * Send a command to Redis (target higress). The message waits for the reply; where the stream is done, nobody waits and the command goes out for its effect.
 */
export interface RedisCommand {
  /**
   * Name of an entry of `services` that has `redis`.
   */
  service: string;
  /**
   * The command and its arguments, a word each: `[set, "session:$(request.cookies.id)", "1", ex, 60]`. A word is text or a number; with one that is null or anything else the command is not sent.
   *
   * @minItems 1
   * @maxItems 64
   */
  command: [string | number, ...(string | number)[]];
  timeout?: Duration3;
  /**
   * The reply is `calls.NAME` from then on: `value`, and `error` when there is none or it is an error.
   */
  as?: string;
  /**
   * No reply, or an error: `continue` (the default), `deny` (503 in the request, 502 in the response) or a status of your own.
   */
  onError?: ("continue" | "deny") | StatusCode;
}
export interface ParallelCall {
  call: Call;
  /**
   * A CEL expression: the step is done only where it is true; sees the edits made so far. When it fails, a guard (authorize, rateLimit, limit, validate, respond, redirect, forward, a call, redis or parallel that denies) acts, what says `onError: deny` denies, and everything else is skipped.
   */
  when?: string;
  /**
   * Names (`as`) of callouts of this list that must be over before this one starts.
   */
  needs?: string | [string, ...string[]];
}
/**
 * Tells a service of the stream once it is done, or of what a task has found out, by POST. Traffic never waits for it: what cannot be kept or delivered is dropped and counted (`event.sent`, `event.dropped.…`, `event.unconfirmed`; together they are all events).
 */
export interface Emit {
  /**
   * Name of an entry of `services`.
   */
  service: string;
  /**
   * Default `/`.
   */
  path?: string;
  /**
   * `api`, the default: metadata, request, response, source, destination and protocol of the call. Bodies are as they came to the filter, text, or base64 with `body_encoding`; `body_truncated` says that there was more. Several lines of one header are joined; the host's own `x-envoy…` are left out.
   */
  event?: "api";
  /**
   * An event of your own: any JSON value.
   */
  json?: {
    [k: string]: unknown;
  };
  /**
   * Headers of the callouts, without `$(…)`; `content-type` is application/json unless it is here.
   */
  headers?: {
    [k: string]: string;
  };
  maxBody?: Size3;
  /**
   * The share of streams that is told of; default all.
   */
  sample?: string | Sample;
  /**
   * What must not leave. Of `json`, members by `redact.json` go, and expressions see stars where they read what is secret.
   */
  redact?: string | Redact;
  timeout?: Duration4;
  batch?: Batch;
  queue?: Queue;
  /**
   * How often a batch is tried again, after 0.5s, 1s, 2s, … 30s; default 2.
   */
  retries?: number;
}
export interface Sample {
  /**
   * The share: `10`, `0.1` or the same as text; more than 0, four digits after the point.
   */
  percent: number | string;
  /**
   * Text that may hold `$(…)`.
   */
  key?: string;
}
/**
 * Events go out together, as a JSON array; default one by one, each as it is.
 */
export interface Batch {
  /**
   * At most so many; default 100.
   */
  count?: number;
  bytes?: Size4;
  age?: Duration5;
}
/**
 * What waits or is on its way, in each worker; what comes beyond is dropped.
 */
export interface Queue {
  /**
   * Events; default 1000.
   */
  count?: number;
  bytes?: Size5;
}
/**
 * Variables of this stream, read as `$(ctx.NAME)`. All values are computed from the state before the step. A variable whose value failed or is larger than 1 MiB, whose `set` could not be decided on, or that was made of such a one, is null for edits; a guard that reads it fails, and so acts.
 */
export interface Set {
  /**
   * Any JSON value, which keeps its type: `true` is a bool, `1` a number, `"1"` text. Strings are templates; one that is a single `$(…)` keeps the type of its value.
   */
  [k: string]: {
    [k: string]: unknown;
  };
}
/**
 * Values that all workers of the proxy see, read as `$(store.NAME)`, or `$(store.NAME[key])` where there is a `key`. They live as long as the proxy, or as their `ttl` says, whatever becomes of the configuration. The last one to write counts. A value that is null or fails is not stored: the former one stays. So it does where a value is larger than 64 KiB (counted as `store.rejected`).
 */
export interface Store {
  [k: string]: StoredValue;
}
export interface StoredValue1 {
  /**
   * Any JSON value; strings are templates. `null` takes the value away.
   */
  value: {
    [k: string]: unknown;
  };
  ttl?: Duration6;
  /**
   * Text that may hold `$(…)`.
   */
  key?: string;
  /**
   * How many keys the name may have at the most; default 1000. They are kept in groups of 16 or more: in a group that is full, the key that expires first goes, else the one written first (counted as `store.evicted`). The same in all steps that store the name.
   */
  maxKeys?: number;
}
export interface Log1 {
  /**
   * Default info.
   */
  level?: "trace" | "debug" | "info" | "warn" | "error" | "critical";
  text: Template;
  /**
   * The share of times that the line is written; default all.
   */
  sample?: string | Sample;
  /**
   * What must not get into the log.
   */
  redact?: string | Redact;
}
/**
 * Counts, sets or records a number under a name of your own in the host's metrics (Envoy: `wasmcustom.NAME`). A value that is null is left out. One that is no number, is negative or is above 2^53, changes nothing (counted as `metric.failed`); traffic never depends on it.
 */
export interface Metric {
  /**
   * Words of letters, digits and `_` with dots between them, at most 128 characters: `checkout.orders`. Not `ruleway` and what begins with it and a dot, which are the filter's own.
   */
  name: string;
  /**
   * `counter` (default) adds the value, `gauge` becomes it, `histogram` records it.
   */
  type?: "counter" | "gauge" | "histogram";
  /**
   * Default 1. Fractions are rounded; a duration counts in milliseconds.
   */
  value?: number | string;
  /**
   * Of a gauge, instead of `value`: what it changes by, also downwards: 1 when something begins and -1 when it is done.
   */
  add?: number | string;
  /**
   * Tag -> value. Each combination of values is a metric of its own, `NAME.TAG.VALUE.TAG.VALUE`, tags in alphabetical order. In a value all but letters, digits, `-` and `_` becomes `_`; of more than 64 bytes the first count; a value that is null or empty is `none`.
   */
  tags?: {
    [k: string]: MetricTag;
  };
  /**
   * So many combinations of tags in each worker, default 100; for those that come later all tags are `other` (counted as `metric.overflow`). A host never forgets a metric, so what clients send must not make them.
   */
  maxSeries?: number;
}
export interface MetricTag1 {
  value: Template;
  /**
   * What it can be; everything else is `other`.
   */
  values: string | [string, ...string[]];
}
export interface Rule {
  /**
   * Shown in logs, metrics and diagnostics; default: its place in the file.
   */
  name?: string;
  /**
   * Default true.
   */
  enabled?: boolean;
  match?: Match;
  /**
   * A CEL expression: the rule applies only where it is true. Evaluated once for a request, when the rule's turn comes in the first phase in which it has steps; sees the edits made so far. When it fails, only the rule's guards act, and its steps that say `onError: deny` deny.
   */
  when?: string;
  limits?: Limits1;
  /**
   * No later rule applies once this one has; default false. Where readers may differ on whether it is for the message, guards after it act all the same.
   */
  final?: boolean;
  /**
   * What becomes of a client's Range and If-Range where response steps of the rule edit or read bodies. A part of a body could be neither edited nor judged, so that asking for parts would be a way around: `strip`, the default, takes both away from every request that `match` selects, and the whole comes. `keep` leaves them: what comes in parts (206) then passes unedited and is counted, and where an expression or a guard would read it, it cannot be read. The default of a rule that only matches statuses outside 2xx is `keep`; such a rule leaves accept-encoding alone too, unless it says `encoding: identity`.
   */
  ranges?: "strip" | "keep";
  /**
   * Whether edits of this rule select the request's route anew; default: as `settings.reroute` says.
   */
  reroute?: boolean;
  /**
   * Steps for the request, in order.
   */
  request?: RequestStep[];
  /**
   * Steps for the response, in order.
   */
  response?: ResponseStep[];
  /**
   * Steps once the stream has ended.
   */
  done?: DoneStep[];
}
/**
 * What the rule is for: all the keys given must hold. Looks only at the request as it arrived.
 */
export interface Match {
  /**
   * Exact, `*.suffix` or `prefix.*`; letter case and port are ignored.
   */
  host?: string | [string, ...string[]];
  /**
   * A template: `{name}` or `*` is one segment, `**` or `{name=**}` the tail.
   */
  path?: string | [string, ...string[]] | PathMatcher;
  method?: Globs;
  scheme?: Globs;
  headers?: Matchers;
  query?: Matchers;
  cookies?: Matchers;
  /**
   * Names of the route, exact (`xds.route_name`).
   */
  route?: string | [string, ...string[]];
  /**
   * Prefixes of the route's name.
   */
  routePrefix?: string | [string, ...string[]];
  /**
   * Names of the upstream cluster, exact (`xds.cluster_name`).
   */
  cluster?: string | [string, ...string[]];
  /**
   * `fqdn` or `fqdn:port` of a cluster named `outbound|port|subset|fqdn`.
   */
  service?: string | [string, ...string[]];
  /**
   * Addresses of the client: blocks such as `10.0.0.0/8` and `2001:db8::/32`, or single ones.
   */
  source?: string | [string, ...string[]];
  /**
   * Of the response: `404`, `4xx`, `40x`, `500-504`. Rules with it have no request steps.
   */
  status?: StatusCode | string | [StatusCode | string, ...(StatusCode | string)[]];
  /**
   * At least one of these holds.
   *
   * @minItems 1
   */
  any?: [Match, ...Match[]];
  /**
   * All of these hold.
   *
   * @minItems 1
   */
  all?: [Match, ...Match[]];
  not?: Match1;
}
/**
 * All the keys given must hold. `prefix` counts whole segments: `/a` matches `/a` and `/a/b`, not `/ab`.
 */
export interface PathMatcher {
  exact?: string;
  prefix?: string;
  suffix?: string;
  contains?: string;
  /**
   * RE2; named groups become params. Matches anywhere unless anchored.
   */
  regex?: string;
  ignoreCase?: boolean;
  /**
   * The opposite; default false.
   */
  not?: boolean;
}
/**
 * Name -> matcher. Of several values one that matches is enough; with `not`, none may. A guard acts where any of them may be what the server reads.
 */
export interface Matchers {
  [k: string]: Matcher;
}
/**
 * All the keys given must hold.
 */
export interface ValueMatcher {
  exact?: string;
  prefix?: string;
  suffix?: string;
  contains?: string;
  /**
   * RE2; matches anywhere unless anchored.
   */
  regex?: string;
  /**
   * @minItems 1
   */
  in?: [string, ...string[]];
  /**
   * `[from, to]`, both included; the value is read as an integer.
   *
   * @minItems 2
   * @maxItems 2
   */
  range?: [number, number];
  ignoreCase?: boolean;
  /**
   * The opposite of the other keys; an absent value then matches. Default false.
   */
  not?: boolean;
}
/**
 * This does not hold.
 */
export interface Match1 {
  /**
   * Exact, `*.suffix` or `prefix.*`; letter case and port are ignored.
   */
  host?: string | [string, ...string[]];
  /**
   * A template: `{name}` or `*` is one segment, `**` or `{name=**}` the tail.
   */
  path?: string | [string, ...string[]] | PathMatcher;
  method?: Globs;
  scheme?: Globs;
  headers?: Matchers;
  query?: Matchers;
  cookies?: Matchers;
  /**
   * Names of the route, exact (`xds.route_name`).
   */
  route?: string | [string, ...string[]];
  /**
   * Prefixes of the route's name.
   */
  routePrefix?: string | [string, ...string[]];
  /**
   * Names of the upstream cluster, exact (`xds.cluster_name`).
   */
  cluster?: string | [string, ...string[]];
  /**
   * `fqdn` or `fqdn:port` of a cluster named `outbound|port|subset|fqdn`.
   */
  service?: string | [string, ...string[]];
  /**
   * Addresses of the client: blocks such as `10.0.0.0/8` and `2001:db8::/32`, or single ones.
   */
  source?: string | [string, ...string[]];
  /**
   * Of the response: `404`, `4xx`, `40x`, `500-504`. Rules with it have no request steps.
   */
  status?: StatusCode | string | [StatusCode | string, ...(StatusCode | string)[]];
  /**
   * At least one of these holds.
   *
   * @minItems 1
   */
  any?: [Match, ...Match[]];
  /**
   * All of these hold.
   *
   * @minItems 1
   */
  all?: [Match, ...Match[]];
  not?: Match1;
}
/**
 * What a body may measure. A request over it is answered 413 (before the upstream is touched when content-length tells). A response over it is answered 502 when content-length tells, or while its headers are held; one in chunks whose headers have gone on is broken off, so that nobody takes it for whole. A rule's own limits replace the document's for the requests that the rule matches; where several rules match, the smallest holds.
 */
export interface Limits1 {
  requestBody?: Size;
  responseBody?: Size;
}
/**
 * One verb, and what says whether it is done.
 */
export interface RequestStep {
  name?: StepName;
  /**
   * A CEL expression: the step is done only where it is true; sees the edits made so far. When it fails, a guard (authorize, rateLimit, limit, validate, respond, redirect, forward, a call, redis or parallel that denies) acts, what says `onError: deny` denies, and everything else is skipped.
   */
  when?: string;
  onError?: StepOnError;
  /**
   * Whether this step's edit of the request (headers, cookies, query, path, host, method, or what `authorize` adds) selects its route anew, as `settings.reroute` has it; default: as the rule says. Rules are not chosen again.
   */
  reroute?: boolean;
  headers?: Headers;
  query?: Query;
  cookies?: Cookies;
  form?: Form;
  path?: Path;
  /**
   * Text that may hold `$(…)`.
   */
  host?: string;
  /**
   * Text that may hold `$(…)`.
   */
  method?: string;
  body?: Body;
  events?: Events;
  limit?: Limit;
  validate?: Validate;
  authorize?: Authorize;
  call?: Call;
  redis?: RedisCommand;
  parallel?: Parallel;
  rateLimit?: RateLimit;
  forward?: Forward;
  respond?: Respond3;
  redirect?: Redirect;
  attributes?: Attributes;
  set?: Set;
  store?: Store;
  log?: Log;
  metric?: Metric;
  stop?: Stop;
}
/**
 * Edits of the headers. A line that `replace` leaves empty goes. Names are not case-sensitive; `*` in `remove` and `keep` stands for any run of characters. A list is several lines of one name. Carried out in this order: keep, remove, rename, copy, replace, set, default, add, append, dedupe.
 */
export interface Headers {
  set?: HeaderValues1;
  add?: HeaderValues2;
  append?: HeaderValues3;
  default?: HeaderValues4;
  remove?: Globs;
  /**
   * Remove all others, but for pseudo-headers and what frames the message.
   */
  keep?: string | [string, ...string[]];
  rename?: HeaderNames;
  copy?: HeaderNames1;
  /**
   * Rewrite what a regular expression matches in the values.
   */
  replace?: {
    [k: string]: RegexReplace;
  };
  /**
   * Keep the first, the last, or each distinct line.
   */
  dedupe?: {
    [k: string]: "first" | "last" | "unique";
  };
}
/**
 * Replace all lines of the name.
 */
export interface HeaderValues1 {
  [k: string]: ValueOrList;
}
/**
 * A further line.
 */
export interface HeaderValues2 {
  [k: string]: ValueOrList;
}
/**
 * Join to the existing value with `, `. Not for set-cookie.
 */
export interface HeaderValues3 {
  [k: string]: ValueOrList;
}
/**
 * Only if the name is absent.
 */
export interface HeaderValues4 {
  [k: string]: ValueOrList;
}
/**
 * Old name -> new name, all lines.
 */
export interface HeaderNames {
  [k: string]: string;
}
/**
 * Source -> target, all lines; the target's own are replaced.
 */
export interface HeaderNames1 {
  [k: string]: string;
}
export interface RegexReplace {
  /**
   * RE2.
   */
  regex: string;
  /**
   * `$1`, `${name}`, `$0`; `$$` is a `$`.
   */
  with: string;
}
/**
 * Edits of the query parameters; what no edit touches keeps its place and its escaping. Order: keep, remove, rename, copy, replace, set, default, add, dedupe, sort.
 */
export interface Query {
  set?: Values;
  add?: Values;
  default?: Values;
  remove?: Globs;
  keep?: Globs;
  rename?: Names;
  copy?: Names;
  replace?: {
    [k: string]: RegexReplace;
  };
  dedupe?: {
    [k: string]: "first" | "last" | "unique";
  };
  /**
   * By name, in the order of bytes; equal names keep their order.
   */
  sort?: boolean;
}
export interface Values {
  [k: string]: ValueOrList;
}
export interface Names {
  [k: string]: string;
}
/**
 * Edits of the request's cookies by name. Order: keep, remove, rename, copy, replace, set, default, dedupe.
 */
export interface Cookies {
  set?: CookieValues;
  default?: CookieValues;
  remove?: Globs;
  keep?: Globs;
  rename?: Names;
  copy?: Names;
  replace?: {
    [k: string]: RegexReplace;
  };
  dedupe?: {
    [k: string]: "first" | "last" | "unique";
  };
}
export interface CookieValues {
  [k: string]: Value;
}
/**
 * Edits of the fields of a form, urlencoded or multipart; what no edit touches, files among it, keeps its bytes. The request waits until the body is there. A body that is no such form, or is written so that servers read it differently, is left as it is, or refused with `onError: deny`. Order: keep, remove, rename, copy, replace, set, default, add, dedupe.
 */
export interface Form {
  set?: Values;
  add?: Values;
  default?: Values;
  remove?: Globs;
  keep?: Globs;
  rename?: Names;
  copy?: Names;
  replace?: {
    [k: string]: RegexReplace;
  };
  dedupe?: {
    [k: string]: "first" | "last" | "unique";
  };
  maxSize?: Size6;
  /**
   * A larger form is passed on unedited and counted (`skip`, the default) or refused with 413 (`reject`, the default with `onError: deny`).
   */
  overLimit?: "skip" | "reject";
}
export interface PathRewrite {
  replacePrefix?: PrefixReplace;
  replace?: RegexReplace;
}
export interface PrefixReplace {
  /**
   * Whole segments.
   */
  prefix: string;
  with: Template;
}
/**
 * Edits of the body, in this order: replace, insert, json, text, prepend, append. content-length stays true. Where a response has no body, `text`, `prepend` and `append` make one (of type text/plain, if it says none), so that the host writes it anew: response code details say `ruleway_body_made`, and filters nearer to the client do not see it. A request of headers alone gets none (counted as `body_skipped.none`), nor do answers to HEAD and of status 204, 205 or 304. A strong etag of an edited response becomes a weak one; If-Match with such a one goes to the upstream as the strong one that it was, from requests that the rule's `match` selects. WebSocket, CONNECT, gRPC, partial content (206), and bodies whose content-type names a charset other than UTF-8 or US-ASCII pass untouched and are counted; with `onError: deny`, `json` refuses such a charset (415, or 502 for a response). Streams of events (see `events`) are no JSON: `json` is skipped for them, or with `onError: deny` refuses them, as soon as their headers are there.
 */
export interface Body {
  /**
   * Literals and regular expressions, in a stream, right across chunk borders; leftmost first, the earlier in the list on ties; what was put in is not searched again.
   *
   * @minItems 1
   */
  replace?: [BodyReplace, ...BodyReplace[]];
  window?: Size7;
  /**
   * Texts before or after a literal, in a stream, right across chunk borders. In the order of the list; each sees what those before have left, and `replace` before them.
   */
  insert?: BodyInsert | [BodyInsert, ...BodyInsert[]];
  json?: Json;
  /**
   * Text that may hold `$(…)`.
   */
  text?: string;
  prepend?: Template;
  append?: Template;
  /**
   * What is done with compressed bodies. `decode`, the default: gzip and deflate are decoded, edited and sent on decoded, without content-encoding; of what a client accepts, the upstream sees only what can be decoded. `identity`, for responses: the upstream is asked for plain bodies; what comes compressed all the same is decoded. `skip`: passed on unedited, and counted. `reject`: refused with 415 or 502. Other codings, and several at once, are passed on unedited and counted, or refused with `reject` or `onError: deny`; `text` alone replaces them too.
   */
  encoding?: "decode" | "identity" | "skip" | "reject";
  /**
   * Only bodies of these media types (`text/html`, `text/*`); default: all.
   */
  contentType?: string | [string, ...string[]];
  maxSize?: Size8;
  /**
   * A larger body is passed on unedited (`skip`, the default) or refused with 413 or 502 (`reject`, the default beside `onError: deny`). `stream`: JSON is edited while it streams, whatever its size, and nothing is held; `maxSize` plays no part. That is for `remove`, `set`, `default` and `add` of names, without descendants, negative indices or bounds, at places that do not meet; other edits are refused with R317. `set` puts its value in every member of the name. What has been sent cannot be called back: where the body turns out not to be JSON or ends too early, its stream is broken off, whatever `onError` says.
   */
  overLimit?: "skip" | "reject" | "stream";
  /**
   * A body that is not valid JSON, to which `patch` does not apply, or that is not of its content-encoding, is passed on unedited (`skip`, the default) or refused with 400 or 502 (`deny`). `deny` holds for whatever keeps the body from being edited: its type (gRPC, a tunnel, part of a response; 415 or 502), its charset, its coding, its size, an expression in the edit or in `when` that fails (403 or 502). Where headers have gone on before that is known, as with `replace`, the stream is broken off instead.
   */
  onError?: "skip" | "deny";
}
/**
 * One of `find` and `regex`.
 */
export interface BodyReplace {
  /**
   * A literal.
   */
  find?: string;
  /**
   * RE2; `^` and `$` are the ends of the body, with `(?m)` those of lines.
   */
  regex?: string;
  /**
   * Text that may hold `$(…)`.
   */
  with: string;
  /**
   * ASCII letters of `find`, all letters of `regex`; default false.
   */
  ignoreCase?: boolean;
  /**
   * Only so many; default all.
   */
  first?: number;
}
/**
 * One of `before` and `after`. The literal stays as it was written; where it does not occur, nothing is put in.
 */
export interface BodyInsert {
  /**
   * A literal.
   */
  before?: string;
  /**
   * A literal.
   */
  after?: string;
  /**
   * Text that may hold `$(…)`.
   */
  text: string;
  /**
   * ASCII letters of the literal; default false.
   */
  ignoreCase?: boolean;
  /**
   * At so many places; default 1.
   */
  first?: number;
}
/**
 * Edits of a JSON body; bytes that no edit touches stay as they are. Places are JSON Pointers (`/a/0/b`, RFC 6901) or paths (RFC 9535): `$.a`, `$['a b']`, `[0]`, `[-1]`, `.*`, `[*]`, slices `[1:5:2]`, unions `['a', 0]`, descendants `..a`; filters (`?`) are refused. A path edits all that it matches. Order: remove, rename, copy, move, set, default, add, append, merge, patch, dedupe; each sees what those before have left. In a map edits go by the bytes of their paths, in a list as listed. An edit whose place is not there, or whose value is a template that is absent or null, is skipped; `null` as it stands is a value. Of members with one name the last counts, and where an edit looks a name up only the last stays.
 */
export interface Json {
  remove?: JsonPlaces;
  /**
   * Place of members -> their new name. The value and its place among the members stay; what had that name goes.
   */
  rename?: {
    [k: string]: Template;
  };
  copy?: JsonTransfers;
  move?: JsonTransfers1;
  set?: JsonValues;
  default?: JsonValues1;
  add?: JsonValues2;
  append?: JsonValues3;
  /**
   * A JSON Merge Patch (RFC 7396): null takes a member away, maps are merged, anything else is set. Values of templates that are absent or null are left out.
   */
  merge?: {
    /**
     * Any JSON value.
     */
    [k: string]: {
      [k: string]: unknown;
    };
  };
  /**
   * A JSON Patch (RFC 6902). When an operation fails, no edit of `json` is made: the body is passed on unedited, or refused, as `onError` says.
   *
   * @minItems 1
   */
  patch?: [JsonOperation, ...JsonOperation[]];
  dedupe?: JsonPlaces1;
}
/**
 * From -> to: one place, and where it is set, as `set` does.
 */
export interface JsonTransfers {
  [k: string]: string;
}
/**
 * From -> to: as `copy`, to one place, and it is no longer where it was.
 */
export interface JsonTransfers1 {
  [k: string]: string;
}
/**
 * Replace or create; missing objects on the way are made, after the last part of the path that can match several places. `/-` adds to an array.
 */
export interface JsonValues {
  /**
   * Any JSON value.
   */
  [k: string]: {
    [k: string]: unknown;
  };
}
/**
 * As `set`, where there is nothing; a null is something.
 */
export interface JsonValues1 {
  /**
   * Any JSON value.
   */
  [k: string]: {
    [k: string]: unknown;
  };
}
/**
 * As in JSON Patch (RFC 6902): insert into arrays, `/-` is the end; the object or array around it must be there.
 */
export interface JsonValues2 {
  /**
   * Any JSON value.
   */
  [k: string]: {
    [k: string]: unknown;
  };
}
/**
 * Add to the end of an array, which is made where there is nothing; skipped where there is something else.
 */
export interface JsonValues3 {
  /**
   * Any JSON value.
   */
  [k: string]: {
    [k: string]: unknown;
  };
}
export interface JsonOperation {
  op: "add" | "remove" | "replace" | "move" | "copy" | "test";
  /**
   * A JSON Pointer.
   */
  path: string;
  /**
   * For `move` and `copy`.
   */
  from?: string;
  /**
   * For `add`, `replace` and `test`. The operation is skipped when it is a template that is absent or null; a `test` then fails.
   */
  value?: {
    [k: string]: unknown;
  };
}
/**
 * Edits of a body that is a stream of server-sent events, or of lines of JSON (NDJSON), one by one, as they come, however they are cut. What the stream ends in without ending it is an event too. What no edit touches keeps its bytes, a byte order mark in front of all included; what is edited keeps its line ends.
 */
export interface Events {
  /**
   * What the body is; default: `sse` for text/event-stream, `lines` for application/x-ndjson, ndjson, jsonl, x-jsonl, json-lines, jsonlines, x-jsonlines and stream+json, and no other body.
   */
  format?: "sse" | "lines";
  maxSize?: Size9;
  /**
   * For each event, those edits whose `when` is true, in order; each sees what the ones before made of it.
   *
   * @minItems 1
   */
  edit: [EventEdit, ...EventEdit[]];
}
/**
 * What is done to an event. Expressions read it as `event.data`, `event.json`, `event.type`, `event.id` and `event.index`. Order: log, set, drop, json, data, type, id.
 */
export interface EventEdit {
  /**
   * A CEL expression: the edit is for the events for which it is true; default: all. What cannot be evaluated is not.
   */
  when?: string;
  /**
   * Text that may hold `$(…)`.
   */
  log?: string;
  set?: Set;
  /**
   * The event does not go on.
   */
  drop?: true;
  json?: Json1;
  /**
   * Text that may hold `$(…)`.
   */
  data?: string;
  /**
   * Text that may hold `$(…)`.
   */
  type?: string;
  /**
   * Text that may hold `$(…)`.
   */
  id?: string;
}
/**
 * Edits of a JSON body; bytes that no edit touches stay as they are. Places are JSON Pointers (`/a/0/b`, RFC 6901) or paths (RFC 9535): `$.a`, `$['a b']`, `[0]`, `[-1]`, `.*`, `[*]`, slices `[1:5:2]`, unions `['a', 0]`, descendants `..a`; filters (`?`) are refused. A path edits all that it matches. Order: remove, rename, copy, move, set, default, add, append, merge, patch, dedupe; each sees what those before have left. In a map edits go by the bytes of their paths, in a list as listed. An edit whose place is not there, or whose value is a template that is absent or null, is skipped; `null` as it stands is a value. Of members with one name the last counts, and where an edit looks a name up only the last stays.
 */
export interface Json1 {
  remove?: JsonPlaces;
  /**
   * Place of members -> their new name. The value and its place among the members stay; what had that name goes.
   */
  rename?: {
    [k: string]: Template;
  };
  copy?: JsonTransfers;
  move?: JsonTransfers1;
  set?: JsonValues;
  default?: JsonValues1;
  add?: JsonValues2;
  append?: JsonValues3;
  /**
   * A JSON Merge Patch (RFC 7396): null takes a member away, maps are merged, anything else is set. Values of templates that are absent or null are left out.
   */
  merge?: {
    /**
     * Any JSON value.
     */
    [k: string]: {
      [k: string]: unknown;
    };
  };
  /**
   * A JSON Patch (RFC 6902). When an operation fails, no edit of `json` is made: the body is passed on unedited, or refused, as `onError` says.
   *
   * @minItems 1
   */
  patch?: [JsonOperation, ...JsonOperation[]];
  dedupe?: JsonPlaces1;
}
/**
 * Refuse what is too large.
 */
export interface Limit {
  body?: Size10;
  /**
   * Number of header lines, pseudo-headers not counted; 431.
   */
  headers?: number;
  headerBytes?: Size11;
  respond?: Respond;
}
/**
 * The answer instead.
 */
export interface Respond {
  /**
   * Default 200.
   */
  status?: number;
  headers?: HeaderValues5;
  text?: Template;
  /**
   * Any JSON value; strings are templates.
   */
  json?: {
    [k: string]: unknown;
  };
  /**
   * Response code details, for access logs.
   */
  details?: string;
}
export interface HeaderValues5 {
  [k: string]: ValueOrList;
}
/**
 * Refuse what is not as a JSON Schema has it (400, or 502 for a response), before anything of it goes on. Also refused: a body that is missing, is not JSON, cannot be read (compressed, gRPC, an upgrade, not in UTF-8 by its charset, larger than what is read: `limits`), names a member of an object twice, or would cost too much to judge.
 */
export interface Validate {
  body?: JsonSchema;
  headers?: JsonSchema1;
  /**
   * A message without a body passes; default false. Responses that never have one (to HEAD, 204, 304) always pass.
   */
  optional?: boolean;
  /**
   * Whether `format` is judged (`assert`, the default) or says nothing (`ignore`). Judged are date-time, date, time, duration, email, hostname, ipv4, ipv6, uri, uri-reference, uuid, json-pointer, relative-json-pointer.
   */
  formats?: "assert" | "ignore";
  /**
   * A variable that gets the reason of a refusal, such as `body "/user/age": minimum`: `$(ctx.NAME)`, in `respond` too.
   */
  as?: string;
  respond?: Respond1;
}
/**
 * Schema of the body.
 */
export interface JsonSchema {
  /**
   * Any JSON value.
   */
  [k: string]: {
    [k: string]: unknown;
  };
}
/**
 * Schema of the headers as one object: names in lower case, values as text, several lines of a name joined with `, `; pseudo-headers are not in it.
 */
export interface JsonSchema1 {
  /**
   * Any JSON value.
   */
  [k: string]: {
    [k: string]: unknown;
  };
}
/**
 * The answer instead; give it a status.
 */
export interface Respond1 {
  /**
   * Default 200.
   */
  status?: number;
  headers?: HeaderValues5;
  text?: Template;
  /**
   * Any JSON value; strings are templates.
   */
  json?: {
    [k: string]: unknown;
  };
  /**
   * Response code details, for access logs.
   */
  details?: string;
}
/**
 * Ask a service whether the request may go on. Nothing reaches the upstream before it has answered.
 */
export interface Authorize {
  /**
   * Name of an entry of `services`.
   */
  service: string;
  /**
   * Text that may hold `$(…)`.
   */
  method?: string;
  /**
   * Text that may hold `$(…)`.
   */
  path?: string;
  send?: AuthorizeSend;
  body?: AuthorizeBody;
  timeout?: Duration7;
  /**
   * How often the service is asked again, at once, when there is no answer or one of 500 and more, while `timeout` allows; default 0.
   */
  retries?: number;
  cache?: AuthorizeCache;
  /**
   * Statuses that allow; default 2xx.
   */
  allow?: StatusCode | string | [StatusCode | string, ...(StatusCode | string)[]];
  upstream?: AuthorizeUpstream;
  /**
   * Headers of the answer that are added to the response of an allowed request.
   */
  client?: string | [string, ...string[]];
  denied?: AuthorizeDenied;
  /**
   * No answer, 5xx, or nonsense: `deny` (403, the default), a status of your own, or `allow`.
   */
  onError?: ("deny" | "allow") | StatusCode;
}
export interface AuthorizeSend {
  /**
   * Headers of the request to send along; default authorization, cookie.
   */
  headers?: string | [string, ...string[]];
  set?: HeaderValues6;
}
/**
 * Headers of your own.
 */
export interface HeaderValues6 {
  [k: string]: ValueOrList;
}
/**
 * Send the request's body along. Headers are held until it has come. A compressed body is decoded; one that cannot be read (a tunnel, gRPC, a coding or charset that is not decoded) refuses the request.
 */
export interface AuthorizeBody {
  maxBytes: Size12;
  /**
   * Send the first `maxBytes` of a larger body instead of refusing it. What cannot be held at all (the limit of the body, else 1 MiB) is refused still.
   */
  partial?: boolean;
}
/**
 * Keep what the service said, in each worker, and ask once for requests that come at the same time. Failures are never kept, nor an answer that sets cookies, nor 408, 425 and 429.
 */
export interface AuthorizeCache {
  /**
   * What the decision depends on: requests with the same key get the same answer, whatever else they hold. One whose key is null or fails, as where it reads one of several values, asks for itself. Where a header that is sent, a cookie in it or a parameter of the query is there twice, all that the service is sent belongs to the key. Default: all that the service is sent (with `x-request-id` among it no two are the same).
   */
  key?:
    | Template
    | [Template]
    | [Template, Template]
    | [Template, Template, Template]
    | [Template, Template, Template, Template]
    | [Template, Template, Template, Template, Template]
    | [Template, Template, Template, Template, Template, Template]
    | [Template, Template, Template, Template, Template, Template, Template]
    | [Template, Template, Template, Template, Template, Template, Template, Template]
    | [Template, Template, Template, Template, Template, Template, Template, Template, Template]
    | [
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template
      ]
    | [
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template
      ]
    | [
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template
      ]
    | [
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template
      ]
    | [
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template
      ]
    | [
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template
      ]
    | [
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template,
        Template
      ];
  ttl: Duration8;
  denyTtl?: Duration9;
  staleIfError?: Duration10;
  /**
   * `obey`: what the answer says in cache-control counts too: `no-store`, `no-cache` and `private` make it one for the request that asked, `max-age` and `s-maxage` make `ttl` shorter, `must-revalidate` leaves no time after it. Default `ignore`.
   */
  cacheControl?: "obey" | "ignore";
  /**
   * Answers kept in each worker; default 10000. The one not asked for longest goes.
   */
  maxEntries?: number;
}
/**
 * Headers of the answer that go on to the upstream. A client's own lines of a name in `set` are always removed.
 */
export interface AuthorizeUpstream {
  set?: Globs;
  append?: Globs;
  /**
   * Headers of the request that the upstream must not see.
   */
  remove?: string | [string, ...string[]];
}
/**
 * The answer on denial; default: the service's own status and body.
 */
export interface AuthorizeDenied {
  status?: StatusCode;
  headers?: HeaderValues5;
  text?: Template;
  /**
   * Any JSON value.
   */
  json?: {
    [k: string]: unknown;
  };
  /**
   * Headers of the service's answer; default content-type, location, set-cookie, www-authenticate, proxy-authenticate, retry-after.
   */
  forward?: string | [string, ...string[]];
}
/**
 * So many requests in so long, and 429 beyond. A guard: what cannot be counted is refused. Several limits all hold; a request that one of them refuses is taken from none. A key that is forgotten for lack of room is counted as `rate_limit.evicted`.
 */
export interface RateLimit {
  /**
   * `100/1m`, or up to four of them.
   */
  limit:
    | string
    | [string]
    | [string, string]
    | [string, string, string]
    | [string, string, string, string];
  /**
   * Text that may hold `$(…)`.
   */
  key?: string;
  /**
   * `token` (default): a bucket of `burst` requests that fills again at the rate: after a burst one passes whenever one is due, and no period has more than burst and limit together. `fixed`: a count for each period, those of `1d` from midnight UTC; up to twice the limit around the turn of one. `sliding`: no period, wherever it begins, has more than the limit; what is used comes back in sevenths of the period.
   */
  algorithm?: "token" | "fixed" | "sliding";
  /**
   * Of `token` with one limit: how many may pass at once; default the limit's count.
   */
  burst?: number;
  /**
   * `proxy` (default): exact over all workers of the proxy. `worker`: each worker for itself, so the proxy lets through up to so many times the limit as it has workers; costs no host calls. `cluster`: exact over all proxies that count in one Redis (target higress): one script for each request, which waits for it, by the server's clock.
   */
  scope?: "worker" | "proxy" | "cluster";
  /**
   * Of the scope `cluster`: name of an entry of `services` that has `redis` (3.2 or later). A request waits for the service's `timeout` at most.
   */
  service?: string;
  /**
   * Steps with the same name, limits and algorithm count together, in all rules and entries. Default: each step for itself, known by the name of its rule and its place in it.
   */
  name?: string;
  /**
   * What the request takes of the limit; default 1. A number, or text that is one in decimals (`7`, `0012`, `2.5`, `1e3`). Fractions count as the next whole number, null as 1; more than the limit (or burst) never passes. What is no number from 0 on, or fails, cannot be counted: see `onError`.
   */
  cost?: number | string;
  /**
   * Fields of the response that say how matters stand, of the limit that is nearest: `ratelimit` (default): ratelimit-limit, ratelimit-remaining, ratelimit-reset (seconds), as the IETF draft had them up to version 7; `x-ratelimit`: the same names with x-, as Envoy writes them; `structured`: ratelimit-policy and ratelimit, as later versions have them; `none`. A refusal has retry-after in any case, unless the request can never pass.
   */
  headers?: "ratelimit" | "x-ratelimit" | "structured" | "none";
  respond?: Respond2;
  /**
   * The counts cannot be read or written, Redis does not answer, or `cost` cannot be known: `deny` (503, the default) or `allow`.
   */
  onError?: "deny" | "allow";
}
/**
 * The answer instead; its status is 429 unless it says otherwise.
 */
export interface Respond2 {
  /**
   * Default 200.
   */
  status?: number;
  headers?: HeaderValues5;
  text?: Template;
  /**
   * Any JSON value; strings are templates.
   */
  json?: {
    [k: string]: unknown;
  };
  /**
   * Response code details, for access logs.
   */
  details?: string;
}
/**
 * Asks the route's own upstream with a request made here, and answers the client with what it says; or, with `as`, keeps that and goes on. The callout does not come through these rules again.
 */
export interface Forward {
  /**
   * Text that may hold `$(…)`.
   */
  method?: string;
  /**
   * Text that may hold `$(…)`.
   */
  path?: string;
  headers?: Headers1;
  /**
   * Text that may hold `$(…)`.
   */
  body?: string;
  /**
   * Any JSON value.
   */
  json?: {
    [k: string]: unknown;
  };
  timeout?: Duration11;
  maxBody?: Size13;
  /**
   * The answer is `calls.NAME` from then on, and nothing is answered.
   */
  as?: string;
  /**
   * The status when there is no answer, no cluster, or too large an answer; default 502.
   */
  onError?: number;
}
/**
 * Edits of the headers. A line that `replace` leaves empty goes. Names are not case-sensitive; `*` in `remove` and `keep` stands for any run of characters. A list is several lines of one name. Carried out in this order: keep, remove, rename, copy, replace, set, default, add, append, dedupe.
 */
export interface Headers1 {
  set?: HeaderValues1;
  add?: HeaderValues2;
  append?: HeaderValues3;
  default?: HeaderValues4;
  remove?: Globs;
  /**
   * Remove all others, but for pseudo-headers and what frames the message.
   */
  keep?: string | [string, ...string[]];
  rename?: HeaderNames;
  copy?: HeaderNames1;
  /**
   * Rewrite what a regular expression matches in the values.
   */
  replace?: {
    [k: string]: RegexReplace;
  };
  /**
   * Keep the first, the last, or each distinct line.
   */
  dedupe?: {
    [k: string]: "first" | "last" | "unique";
  };
}
/**
 * Answer now; nothing further runs.
 */
export interface Respond3 {
  /**
   * Default 200.
   */
  status?: number;
  headers?: HeaderValues5;
  text?: Template;
  /**
   * Any JSON value; strings are templates.
   */
  json?: {
    [k: string]: unknown;
  };
  /**
   * Response code details, for access logs.
   */
  details?: string;
}
/**
 * Answer with a location; nothing further runs.
 */
export interface Redirect {
  to: Template;
  /**
   * Default 302.
   */
  status?: 301 | 302 | 303 | 307 | 308;
}
/**
 * Values for access logs, trace spans and other filters. A value that is null is not set.
 */
export interface Attributes {
  filterState?: AttributeValues;
  log?: AttributeValues1;
  trace?: AttributeValues2;
  /**
   * What must not leave. Expressions see stars where they read what is secret; line ends and other control characters in values are blanks.
   */
  redact?: string | Redact;
}
/**
 * Filter state under these names: `%FILTER_STATE(wasm.NAME:PLAIN)%` in Envoy's access log. Names that make Higress do something are refused.
 */
export interface AttributeValues {
  [k: string]: Template;
}
/**
 * Members of one JSON object that all filters share: `custom_log` of Higress, `%FILTER_STATE(wasm.custom_log:PLAIN)%`; it stands there as inside of a JSON string. A member that is there already gets the new value. What would make it more than 64 KiB, or is there and no object, leaves it as it is (counted as `attributes_log_skipped.size`, `attributes_log_skipped.foreign`).
 */
export interface AttributeValues1 {
  [k: string]: Template;
}
/**
 * Tags of the trace span, in Higress; an empty value is not set.
 */
export interface AttributeValues2 {
  [k: string]: Template;
}
/**
 * One verb, and what says whether it is done.
 */
export interface ResponseStep {
  name?: StepName;
  /**
   * A CEL expression: the step is done only where it is true; sees the edits made so far. When it fails, a guard (authorize, rateLimit, limit, validate, respond, redirect, forward, a call, redis or parallel that denies) acts, what says `onError: deny` denies, and everything else is skipped.
   */
  when?: string;
  onError?: StepOnError;
  headers?: Headers;
  trailers?: Headers2;
  /**
   * The new status. With 204, 205 and 304 the body goes; a response that has become a tunnel (101, or 2xx to CONNECT) keeps its own.
   */
  status?: StatusCode | string;
  body?: Body;
  events?: Events;
  limit?: Limit;
  validate?: Validate;
  call?: Call;
  redis?: RedisCommand;
  parallel?: Parallel;
  respond?: Respond3;
  redirect?: Redirect;
  attributes?: Attributes;
  set?: Set;
  store?: Store;
  log?: Log;
  metric?: Metric;
  stop?: Stop;
}
/**
 * Edits of the headers. A line that `replace` leaves empty goes. Names are not case-sensitive; `*` in `remove` and `keep` stands for any run of characters. A list is several lines of one name. Carried out in this order: keep, remove, rename, copy, replace, set, default, add, append, dedupe.
 */
export interface Headers2 {
  set?: HeaderValues1;
  add?: HeaderValues2;
  append?: HeaderValues3;
  default?: HeaderValues4;
  remove?: Globs;
  /**
   * Remove all others, but for pseudo-headers and what frames the message.
   */
  keep?: string | [string, ...string[]];
  rename?: HeaderNames;
  copy?: HeaderNames1;
  /**
   * Rewrite what a regular expression matches in the values.
   */
  replace?: {
    [k: string]: RegexReplace;
  };
  /**
   * Keep the first, the last, or each distinct line.
   */
  dedupe?: {
    [k: string]: "first" | "last" | "unique";
  };
}
/**
 * One verb, and what says whether it is done.
 */
export interface DoneStep {
  name?: StepName;
  /**
   * A CEL expression: the step is done only where it is true; sees the edits made so far. When it fails, a guard (authorize, rateLimit, limit, validate, respond, redirect, forward, a call, redis or parallel that denies) acts, what says `onError: deny` denies, and everything else is skipped.
   */
  when?: string;
  call?: Call;
  redis?: RedisCommand;
  attributes?: Attributes;
  emit?: Emit;
  set?: Set;
  store?: Store;
  log?: Log;
  metric?: Metric;
  stop?: Stop;
}
export interface Entry {
  /**
   * Route names, exact.
   */
  _match_route_?: string | [string, ...string[]];
  /**
   * Host names, `*.suffix`, `prefix*` or exact.
   */
  _match_domain_?: string | [string, ...string[]];
  /**
   * `fqdn` or `fqdn:port` of the Higress service.
   */
  _match_service_?: string | [string, ...string[]];
  /**
   * Prefixes of route names.
   */
  _match_route_prefix_?: string | [string, ...string[]];
  /**
   * Run the global rules first; default false.
   */
  inherit?: boolean;
  ruleway?: 1;
  vars?: Vars;
  tables?: Tables;
  services?: Services;
  redact?: RedactSets;
  limits?: Limits;
  settings?: Settings;
  rules?: Rules;
}
