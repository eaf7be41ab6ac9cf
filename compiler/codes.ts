// The codes of diagnostics: never renumbered. docs/reference/diagnostics.md is made from this table.

export interface Code {
  title: string;
  /** Why it is a problem and what to do. */
  explanation: string;
  /** A part of a rule file that gets the code, and what was meant instead. */
  wrong?: string;
  right?: string;
}

export const codes: Record<string, Code> = {
  R100: {
    title: "The file cannot be read",
    explanation: "It is not YAML, or not one document, or not a map at the top.",
  },
  R101: {
    title: "A key is there twice",
    explanation: "Only one of the two would count, and which is up to the reader. Remove one.",
  },
  R102: {
    title: "Too large or nested too deep",
    explanation: "A configuration is at most 16 MiB and 64 levels: every worker loads it.",
  },
  R200: {
    title: "Unknown key",
    explanation:
      "The rule language does not have it here. docs/reference/rules.md lists what there is.",
  },
  R201: { title: "Wrong type", explanation: "The value is of another type than the key takes." },
  R202: { title: "A key is missing", explanation: "The map needs it." },
  R203: { title: "Not one of the values", explanation: "The key takes only the values listed." },
  R204: { title: "Out of range", explanation: "The number or list is too small or too large." },
  R205: {
    title: "Exactly one verb",
    explanation: "A step has one verb, so that the order of what is done is the order of the list.",
  },
  R206: { title: "Empty", explanation: "Something must stand here." },
  R301: {
    title: "Unknown name",
    explanation:
      "Expressions read Envoy's attributes, params, vars, ctx, store and a few more, and call the functions that docs/reference/expressions.md lists; the name is none of them.",
  },
  R302: {
    title: "Not a template or expression",
    explanation:
      "A `$(` is not closed, or what is inside is not an expression. A literal `$(` is written `$$(`.",
  },
  R303: {
    title: "Unknown service or redact set",
    explanation:
      "Callouts go to services that the file defines under `services`; `redact: NAME` is a set that it defines under `redact`.",
  },
  R304: {
    title: "Not a path template",
    explanation: "Segments are text, `*` or `{name}`; the last may be `**` or `{name=**}`.",
  },
  R305: {
    title: "Not a place in JSON",
    explanation:
      "A place is a JSON Pointer (RFC 6901: empty, or `/a/b`, with `~0` and `~1`) or a path (RFC 9535: `$.a[*].b`, without filters), and fits what is done there.",
  },
  R306: {
    title: "Not a pattern",
    explanation: "Patterns are RE2 syntax; groups in a replacement must be there.",
  },
  R307: {
    title: "Not a header name or value",
    explanation:
      "Names are tokens (RFC 9110 5.6.2); path, host, method and status have verbs of their own; values have no line ends.",
  },
  R308: {
    title: "Not a size or duration",
    explanation: "`10MiB`, `64KiB`, `500`; `500ms`, `15s`, `5m`.",
  },
  R309: { title: "Not a status pattern", explanation: "`404`, `4xx`, `40x` or `500-504`." },
  R310: {
    title: "Not a host pattern",
    explanation: "A name, `*.suffix` or `prefix.*`, without a port.",
  },
  R311: { title: "Conflicting edits", explanation: "Two parts of one step cannot both be done." },
  R312: {
    title: "Not in this phase",
    explanation: "What is asked for does not exist yet, or can no longer be changed.",
  },
  R313: {
    title: "Types that do not go together",
    explanation:
      "The expression compares, adds or calls with values of types for which that has no meaning, or asks for what such a value does not have. `dyn(x)` leaves the decision to the time of evaluation; `int(x)`, `string(x)` and the like convert.",
  },
  R314: {
    title: "Too large an expression",
    explanation:
      "An expression is at most 64 KiB of text, 200 levels of nesting and 1000 values at a time. docs/reference/limits.md has all bounds.",
  },
  R315: {
    title: "Not an address or block",
    explanation: "`10.0.0.0/8`, `2001:db8::/32`, `192.0.2.1`: no zones, no leading zeros.",
  },
  R316: {
    title: "Not a JSON Schema",
    explanation:
      "Of draft 7 or 2020-12, as `$schema` says (default 2020-12), with references that stay within it and do not lead in a circle, and patterns in RE2 syntax.",
  },
  R317: {
    title: "Not an edit for a body that streams",
    explanation:
      "With `overLimit: stream` JSON is edited while it passes. That can be done for `remove`, `set`, `default` and `add` of names at places that do not depend on what comes later, and that no two edits share. Leave the edit out, or hold the body: `overLimit: skip` or `reject` with a `maxSize`.",
  },
  R318: {
    title: "Two tasks have one name",
    explanation: "A task's name is that of its lease, so one of two leaders would never run.",
  },
  R319: {
    title: "Not a name of a metric",
    explanation:
      "Words of letters, digits and `_` with dots between them, such as `checkout.orders`, of at most 128 characters; what begins with `ruleway.` is the filter's own. A host never forgets a metric, so that names have no `$(…)`: what differs from request to request goes into `tags`.",
  },
  R320: {
    title: "The expression fails",
    explanation:
      "It was evaluated, with these values, and has none: a conversion, an index, a key or a number is not what it must be, or it costs too much. In rules, edits are then skipped and guards act; docs/reference/expressions.md says how to provide for it.",
  },
  R321: {
    title: "A name with a meaning of its own",
    explanation:
      "Setting filter state of that name makes a host do something (Higress: choose the route anew, change a buffer's limit, replace its VM, write its log or a span), or a NUL in it makes it another name. What is meant has a key of its own; for a plain value take another name.",
  },
  R325: {
    title: "More memory than there is",
    explanation:
      "A configuration may take 512 MiB of the VM's memory while it loads, and less where others, or held bodies, leave less: proxies end a VM that wants more than 1 GiB, and all streams in it. The place is where it went over; usually large patterns are what takes so much (`\\pL{20}` some 2 MiB while it is compiled). The configuration in force stays.",
  },
  R330: {
    title: "Not a path",
    explanation:
      "A path begins with `/`, and has neither dot segments nor blanks, control characters or a fragment. What values bring into it is escaped; a request whose values make no path of it is answered with 400.",
    wrong: "rules: [{ request: [{ path: users/1 }] }]",
    right: "rules: [{ request: [{ path: /users/1 }] }]",
  },
  R331: {
    title: "A part that no path has",
    explanation:
      "`match.path` compares paths in their normal form: dot segments are carried out before, and a run of slashes is one. A text with `//`, `/./` or `/../` in it is never found.",
    wrong:
      "rules: [{ match: { path: { suffix: //admin } }, request: [{ respond: { status: 403 } }] }]",
    right:
      "rules: [{ match: { path: { suffix: /admin } }, request: [{ respond: { status: 403 } }] }]",
  },
  R332: {
    title: "A header that the host routes by",
    explanation:
      "Envoy finds no route for a request without `x-forwarded-proto`, or with another value than `http` or `https`: everything would be answered with 404. Patterns and `keep` leave it alone; `set` and `default` may give it one of the two.",
    wrong: "rules: [{ request: [{ headers: { remove: [x-forwarded-proto] } }] }]",
    right: "rules: [{ request: [{ headers: { set: { x-forwarded-proto: https } } }] }]",
  },
  R333: {
    title: "Not an authority",
    explanation:
      "A host is a name or an address (IPv6 in brackets), with or without a port: no scheme, no path, no user information. A request whose values make none of it is answered with 400.",
    wrong: 'rules: [{ request: [{ host: "https://api.example" }] }]',
    right: "rules: [{ request: [{ host: api.example }] }]",
  },
  R340: {
    title: "Not UTF-8",
    explanation:
      "Rule files are UTF-8. Saved as Latin-1 or Windows-1252, letters beyond ASCII are bytes that no reader of YAML takes, or takes for others.",
    wrong: 'rules: [{ request: [{ respond: { text: "caf\uFFFD" } }] }]',
    right: 'rules: [{ request: [{ respond: { text: "café" } }] }]',
  },
  R322: {
    title: "A body where there is none",
    explanation:
      "Answers of status 204, 205 and 304 have no content (RFC 9110 15): what follows their headers on the connection is the next answer. Leave `text` or `json` out, or take another status. What a template or an upstream makes such an answer loses its body on the way.",
    wrong: "rules: [{ request: [{ respond: { status: 204, text: done } }] }]",
    right: "rules: [{ request: [{ respond: { status: 200, text: done } }] }]",
  },
  R323: {
    title: "Not a trailer",
    explanation:
      "Fields that say where a message ends or how it is to be read (connection, trailer, upgrade and the like) come before its body, never after it (RFC 9110 6.5.1).",
    wrong: 'rules: [{ response: [{ trailers: { set: { trailer: "x-sum" } } }] }]',
    right: 'rules: [{ response: [{ trailers: { set: { x-sum: "5" } } }] }]',
  },
  R401: {
    title: "Needs held headers",
    explanation:
      "A step that refuses because of the body must hold the headers until it has judged. Set settings.holdHeaders where the plugin's configuration has allow_on_headers_stop_iteration: true; ruleway compile --target envoy writes both.",
  },
  R402: {
    title: "Needs Higress",
    explanation:
      "Only Higress has a Redis client for filters, and `dist/ruleway-higress.wasm` is the filter that uses it; other proxies refuse to load that one. Check and compile with `--target higress`; `ruleway run` and `ruleway test` choose it by themselves.",
  },
  W501: {
    title: "Unused service or redact set",
    explanation: "No step calls the service, or names the set: what the set would hide is told.",
  },
  W502: {
    title: "Two rules have one name",
    explanation: "Logs and metrics cannot tell them apart.",
  },
  W503: { title: "A rule without steps", explanation: "It matches and does nothing." },
  W504: {
    title: "Steps that never run",
    explanation: "An earlier step of the list always ends the phase.",
  },
  W505: {
    title: "A rule that never applies",
    explanation: "An earlier final rule matches every request that this one does.",
  },
  W506: {
    title: "A match that holds for no request",
    explanation:
      "Two things it asks exclude each other, or one excludes itself. All the keys of a match must hold; alternatives stand in a list or under `any`.",
  },
  W507: {
    title: "A format that is not judged",
    explanation:
      "Only the formats that docs/reference/rules.md lists are; a pattern says the same for others.",
  },
  W508: {
    title: "A keyword that says nothing",
    explanation:
      "JSON Schema ignores keywords that its draft does not have, so a misspelt one would let everything pass. docs/reference/rules.md says which drafts there are.",
  },
  W509: {
    title: "A key that leaves out what decides",
    explanation:
      "A kept answer of `authorize` is given to every request of its key. Whatever the service is told and the key does not tell apart may decide for one request and be applied to another. Send less (`path`, `send.headers`), or put it into the key; without a key all that is sent is the key.",
  },
  W510: {
    title: "A route that is not kept",
    explanation:
      "`reroute: false` is for Higress, which keeps the route where `settings.host` (or `--target higress`) says that it is the host. Envoy forgets the route at each edit of the request by a filter of this kind (measured on 1.40): let its routes match what no rule edits, and leave the setting out.",
  },
  W514: {
    title: "A value that reads what its own step writes",
    explanation:
      "Maps have no order: all values of a step are computed from the state before it, so that this one gets what the other name had, not what it becomes. Where that is meant, as in an exchange of two values, nothing is wrong; else write the other in a step before.",
    wrong:
      'rules: [{ request: [{ set: { user: "$(request.headers[\'x-user\'])", key: "u:$(ctx.user)" } }] }]',
    right:
      'rules: [{ request: [{ set: { user: "$(request.headers[\'x-user\'])" } }, { set: { key: "u:$(ctx.user)" } }] }]',
  },
  W530: {
    title: "Read in two ways",
    explanation:
      "Without quotes, some words are a text here, in YAML 1.2, and something else in YAML 1.1, which the tools of Kubernetes and the console of Higress read: `no`, `on` and `y` are booleans, 0123 is 83, 12:30:45 and 1_000 are numbers, 2024-01-31 is a date. In quotes they are texts for all.",
    wrong: "rules: [{ match: { headers: { x-consent: no } }, request: [{ stop: true }] }]",
    right: 'rules: [{ match: { headers: { x-consent: "no" } }, request: [{ stop: true }] }]',
  },
  W531: {
    title: "A number that changes",
    explanation:
      "A number has no spelling: 1.10 goes out as 1.1, 1e3 as 1000, 007 as 7. A text keeps what stands in its quotes.",
    wrong: "rules: [{ request: [{ headers: { set: { x-version: 1.10 } } }] }]",
    right: 'rules: [{ request: [{ headers: { set: { x-version: "1.10" } } }] }]',
  },
  W532: {
    title: "A method that never comes",
    explanation:
      "Methods are case-sensitive (RFC 9110 9.1) and single words; several of them are a list. A rule for `delete` is for no request, and a guard that it was meant to be lets everything by.",
    wrong: "rules: [{ match: { method: delete }, request: [{ respond: { status: 403 } }] }]",
    right: "rules: [{ match: { method: DELETE }, request: [{ respond: { status: 403 } }] }]",
  },
  W533: {
    title: "A condition that reads nothing",
    explanation:
      "A condition without a name in it says the same of each request. To leave a rule out for a while there is `enabled: false`.",
    wrong: 'rules: [{ when: "false", request: [{ respond: { status: 403 } }] }]',
    right: "rules: [{ enabled: false, request: [{ respond: { status: 403 } }] }]",
  },
  W534: {
    title: "A path of another language",
    explanation:
      "`:id`, `<id>` and `[id]` are segments of other routers, `.*` and `^` are of regular expressions, and a query is no part of a path: here each stands for itself, so that no request has such a path. A segment of any value is `{id}` or `*`, the rest of a path `**` or `{rest=**}`, a pattern `path: { regex: … }`.",
    wrong: "rules: [{ match: { path: /users/:id }, request: [{ respond: { status: 403 } }] }]",
    right: 'rules: [{ match: { path: "/users/{id}" }, request: [{ respond: { status: 403 } }] }]',
  },
  W536: {
    title: "One header twice",
    explanation:
      "Names of headers have no letter case (RFC 9110 5.1): `x-a` and `X-A` are one, and what is said of it last, or first, is up to the reader.",
    wrong: "rules: [{ request: [{ headers: { set: { x-a: one, X-A: two } } }] }]",
    right: "rules: [{ request: [{ headers: { set: { x-a: two } } }] }]",
  },
  W537: {
    title: "A placeholder of another language",
    explanation:
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what the text is about
      "`${…}`, `{{…}}` and `%REQ(…)%` are sent as they stand. Values are put into texts with `$(…)`: an expression over the names of docs/reference/expressions.md.",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what is wrong
    wrong: 'rules: [{ request: [{ headers: { set: { x-method: "${request.method}" } } }] }]',
    right: 'rules: [{ request: [{ headers: { set: { x-method: "$(request.method)" } } }] }]',
  },
  W538: {
    title: "A template that nobody evaluates",
    explanation:
      "`$(…)` is evaluated where the reference says template. Names of clusters, authorities, details, and what a match compares with, are taken as they stand.",
    wrong:
      'rules: [{ match: { headers: { x-a: "$(request.host)" } }, request: [{ respond: { status: 403 } }] }]',
    right:
      "rules: [{ when: \"request.host in request.header_values['x-a']\", request: [{ respond: { status: 403 } }] }]",
  },
  W539: {
    title: "A header of the host",
    explanation:
      "Some headers are not a filter's: Envoy writes `server` and `date` after all filters, and no request goes on without a host. What a rule says of them is undone.",
    wrong: "rules: [{ response: [{ headers: { remove: [server, x-powered-by] } }] }]",
    right: "rules: [{ response: [{ headers: { remove: [x-powered-by] } }] }]",
  },
  W540: {
    title: "A redirect to itself",
    explanation:
      "The place that the client is sent to is one that the rule is for as well: it is sent on again, until the client gives up.",
    wrong: 'rules: [{ match: { path: "/**" }, request: [{ redirect: { to: /login } }] }]',
    right:
      'rules: [{ match: { path: "/**", not: { path: /login } }, request: [{ redirect: { to: /login } }] }]',
  },
  W542: {
    title: "A secret in the clear",
    explanation:
      "What stands in a rule file stands in the proxy's configuration, in its admin pages and in the cluster's objects. Keep it where secrets are kept: a service that is asked for it (`tasks` fetch and `store` tokens), or a header that another filter sets from Envoy's secrets.",
    wrong: 'rules: [{ request: [{ headers: { set: { authorization: "Bearer 1b9d6bcd4bed" } } }] }]',
    right:
      'rules: [{ request: [{ headers: { set: { authorization: "Bearer $(ctx.token)" } } }, { set: { token: "$(request.id)" } }] }]',
  },
  W516: {
    title: "An address that the client writes",
    explanation:
      "Envoy takes the last entry of x-forwarded-for for the client's address, whoever wrote it, unless its connection manager has `use_remote_address: true` (what an Envoy that clients reach directly needs), or finds addresses in another way. Set it, or say with `settings.clientIp` which header tells the address and which proxies are trusted. Said by `check --envoy-config FILE`, of the connection managers in that file.",
  },
  W524: {
    title: "The same rules twice in one chain",
    explanation:
      "Envoy asks each filter of a chain, so that the same rules there twice (two patches that insert them, a listener's and a route's) do all of it twice: limits, events and metrics count each request twice, what is added to headers and bodies is there twice. Take one of them out. Said by `check --envoy-config FILE`, of the connection managers in that file.",
  },
  N606: {
    title: "Where the client's address comes from",
    explanation:
      "What goes by `client.ip` or `match.source` is only as good as the address that the host gives: with `use_remote_address: true` in Envoy's connection manager that of the connection, without it the last entry of x-forwarded-for, which the client may have written. `check --envoy-config FILE` looks whether it is set; `settings.clientIp` says where addresses are read behind other proxies. Said where the target is named (`--target envoy`).",
  },
  N610: {
    title: "A limit by what the client writes",
    explanation:
      "Who is limited by a header, a parameter or a cookie chooses another value and has another limit. The address is not the client's to choose (`client.ip`), nor is what an earlier step has checked.",
    wrong:
      "rules: [{ request: [{ rateLimit: { limit: 10/1m, key: \"$(request.headers['x-user'])\" } }] }]",
    right: 'rules: [{ request: [{ rateLimit: { limit: 10/1m, key: "$(client.ip)" } }] }]',
  },
  W511: {
    title: "A body for a request that has none",
    explanation:
      "`text`, `prepend` and `append` make a body of their own in responses. A request of headers alone, as GET and HEAD are, gets none: Envoy gives a filter no buffer for it. It goes on as it is, and is counted (`body_skipped.none`). `call` or `forward` send requests that a rule makes.",
    wrong: "rules: [{ match: { method: GET }, request: [{ body: { text: a } }] }]",
    right: "rules: [{ match: { method: POST }, request: [{ body: { text: a } }] }]",
  },
  W512: {
    title: "Edits of a body that does not go out",
    explanation:
      "The response ends with a status that has no content (204, 205, 304), so that whatever is made of its body comes to nothing. Leave the edit out, or take another status.",
    wrong: "rules: [{ response: [{ body: { text: gone } }, { status: 204 }] }]",
    right: "rules: [{ response: [{ body: { text: gone } }, { status: 404 }] }]",
  },
  N601: {
    title: "Asked on every request",
    explanation:
      "Rules are found by host, path, method, route, cluster, client address, and by headers, parameters and cookies that must be there. What has none of these (a pattern alone, `not`, `absent`, the host `*`, the path `/**`) is asked on every request, which costs a little time for each such rule. Add a key that can be looked up where there are many.",
  },
  N602: {
    title: "For Higress only",
    explanation:
      "The rules call Redis, for which only Higress has a client: they run in `dist/ruleway-higress.wasm`. `--target` says where the rules will run: with `higress` nothing is said, with `envoy` it is an error (R402).",
  },
  N604: {
    title: "One value of several",
    explanation:
      "A client can send a parameter, header, cookie or form field twice, and which of the two counts is up to the server. So a guard fails, and acts, where it reads one value and there are several that differ: `when: request.query_params.role == 'admin'` refuses `?role=user&role=editor` too. Where several are usual, say what is meant of all of them: `when: \"'admin' in request.query_values.role\"`. `has()` never fails for this.",
    wrong:
      "rules: [{ request: [{ respond: { status: 403 }, when: request.query_params.role == 'admin' }] }]",
    right:
      "rules: [{ request: [{ respond: { status: 403 }, when: \"'admin' in request.query_values.role\" }] }]",
  },
};
