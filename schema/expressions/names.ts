// What docs/reference/expressions.md says of names. Which there are is the filter's affair
// (filter/rules/name.ts); a test asks it for the type of each, and in which phases it is known.

/** From which phase on, or in which one alone. */
export type Since = "request" | "response" | "done" | "request only" | "response only";

export interface NameEntry {
  /** As the filter calls it; `map` for a map of text to text, `lists` for one of text to lists of text. */
  type: "string" | "int" | "bool" | "duration" | "timestamp" | "dyn" | "map" | "lists";
  since: Since;
  what: string;
}

type Row = readonly [name: string, type: NameEntry["type"], what: string, since?: Since];

/** What is known of the other end's certificate, and of ours. */
function certificates(root: string, since?: Since): Row[] {
  const row = (member: string, what: string): Row => [`${root}.${member}`, "string", what, since];
  return [
    row("tls_version", "`TLSv1.3`, …"),
    row("subject_peer_certificate", "The subject of the other end's certificate."),
    row("dns_san_peer_certificate", "Its first DNS name."),
    row("uri_san_peer_certificate", "Its first URI."),
    row("sha256_peer_certificate_digest", "Its digest."),
    row("subject_local_certificate", "The subject of the proxy's own."),
    row("dns_san_local_certificate", "Its first DNS name."),
    row("uri_san_local_certificate", "Its first URI."),
    row("transport_failure_reason", "Why TLS failed."),
  ];
}

const ROWS: Row[] = [
  ["request.method", "string", "The method, as edited so far: so are all of the request."],
  ["request.scheme", "string", "`http` or `https`."],
  [
    "request.host",
    "string",
    "The authority in lower case, with its port if it names one; user information and a trailing dot are no part of it. It fails where the Host is no authority.",
  ],
  ["request.hostname", "string", "The same without the port; IPv6 in its brackets."],
  ["request.port", "int", "The port that it names, or that of the scheme."],
  [
    "request.path",
    "string",
    "Path and query as they go on to the upstream: in normal form, with runs of slashes as they came unless `settings.paths` has `mergeSlashes: true`.",
  ],
  ["request.url_path", "string", "The path alone."],
  ["request.query", "string", "The query without the question mark; empty when there is none."],
  [
    "request.headers",
    "map",
    "By name, letter case ignored: `request.headers['x-user']`. Of several with one name the first, which a guard does not read if they differ.",
  ],
  [
    "request.header_values",
    "lists",
    "All values of each, an empty list for what is not there: `'admin' in request.header_values['x-role']`. Lines with commas are taken apart, but for names that have one value by definition (date, user-agent, cookie, …).",
  ],
  [
    "request.query_params",
    "map",
    "Decoded parameters of the query; of several with one name the first, which a guard does not read if they differ.",
  ],
  [
    "request.query_values",
    "lists",
    "All values of each: `request.query_values.role.exists(v, v == 'admin')`.",
  ],
  ["request.cookies", "map", "Cookies; of several with one name as `request.query_params`."],
  ["request.cookie_values", "lists", "All values of each."],
  ["request.useragent", "string", "The header user-agent."],
  ["request.referer", "string", "The header referer."],
  ["request.id", "string", "The header x-request-id."],
  [
    "request.body",
    "string",
    "The body; null when there is none. The rule waits for it.",
    "request only",
  ],
  ["request.json", "dyn", "The body as JSON: `request.json.user.name`.", "request only"],
  [
    "request.form",
    "map",
    "The fields of a form, urlencoded or multipart; files are not among them. Of several with one name as `request.query_params`.",
    "request only",
  ],
  ["request.form_values", "lists", "All values of each field.", "request only"],
  ["request.protocol", "string", "`HTTP/1.1`, `HTTP/2`, …"],
  ["request.time", "timestamp", "When it began."],
  ["request.size", "int", "Bytes of the body, as far as the host knows them."],
  ["request.total_size", "int", "Bytes with headers."],
  ["request.headers_bytes", "int", "Bytes of the headers."],
  ["request.duration", "duration", "How long all of it took.", "done"],
  ["response.code", "int", "The status, as edited so far.", "response"],
  ["response.headers", "map", "As `request.headers`.", "response"],
  ["response.header_values", "lists", "As `request.header_values`.", "response"],
  [
    "response.body",
    "string",
    "The body; null when there is none. The rule waits for it.",
    "response only",
  ],
  ["response.json", "dyn", "The body as JSON.", "response only"],
  ["response.code_details", "string", "Why the host answered so.", "response"],
  ["response.flags", "int", "Envoy's response flags, as bits.", "response"],
  ["response.grpc_status", "int", "The status of gRPC.", "response"],
  ["response.trailers", "map", "As `request.headers`; in `trailers` too.", "done"],
  ["response.size", "int", "Bytes of the body, as far as the host knows them.", "response"],
  ["response.total_size", "int", "Bytes with headers.", "response"],
  ["response.backend_latency", "duration", "How long the upstream took.", "response"],
  [
    "client.ip",
    "string",
    "The client's address, without a port; IPv4 as such, wherever it stood in IPv6. It is that of the connection's other end, or what `settings.clientIp` says, and fails where that cannot be known.",
  ],
  ["params.NAME", "string", "What `{NAME}` in the rule's path has captured, not decoded."],
  ["vars.NAME", "dyn", "A constant of the file; its own type."],
  ["tables.NAME", "dyn", "A table of the file: `tables.plans[key]`."],
  ["ctx.NAME", "dyn", "What a `set` step of this stream has put there."],
  ["calls.NAME.status", "int", "Of what a callout said: its status; 0 when there was no answer."],
  ["calls.NAME.headers", "map", "Its headers, by name."],
  ["calls.NAME.body", "string", "Its body; null when there is none, or too much of it."],
  ["calls.NAME.json", "dyn", "Its body as JSON."],
  ["calls.NAME.error", "string", "Why there is no answer, or not all of it; null when there is."],
  [
    "calls.NAME.value",
    "dyn",
    "What Redis answered: text (bytes where it is no UTF-8), an int, null, or a list of these.",
  ],
  [
    "store.NAME",
    "dyn",
    "What a `store` step has put there, of this stream or any other; `store.NAME[key]` where it has keys.",
  ],
  ["rule.name", "string", "The name of the rule, or of the task."],
  ["now", "timestamp", "The time."],
  [
    "source.address",
    "string",
    "The address of the connection's other end, with its port, as the host tells it.",
  ],
  ["source.port", "int", "Its port."],
  ["destination.address", "string", "The address that was connected to."],
  ["destination.port", "int", "Its port."],
  ["connection.id", "int", "The host's number of the connection."],
  ["connection.mtls", "bool", "Whether the client has shown a certificate."],
  ["connection.requested_server_name", "string", "The name in the TLS handshake."],
  ["connection.termination_details", "string", "Why the host ended the connection."],
  ...certificates("connection"),
  ["upstream.address", "string", "Who answered.", "response"],
  ["upstream.port", "int", "Its port.", "response"],
  ["upstream.num_endpoints", "int", "How many there are in its cluster.", "response"],
  ["upstream.request_attempt_count", "int", "How often it was tried.", "response"],
  ["upstream.cx_pool_ready_duration", "duration", "How long a connection took.", "response"],
  ["upstream.local_address", "string", "The host's own address there.", "response"],
  ["upstream.locality", "string", "Where it is.", "response"],
  ...certificates("upstream", "response"),
  ["xds.route_name", "string", "The route."],
  ["xds.cluster_name", "string", "The cluster that it leads to."],
  ["xds.virtual_host_name", "string", "The virtual host that it is one of."],
  ["xds.filter_chain_name", "string", "The filter chain of the listener."],
  ["xds.listener_direction", "string", "The listener's direction."],
  ["xds.listener_metadata", "string", "The listener's metadata, and `.KEY…` in it."],
  ["xds.route_metadata", "string", "Those of the route."],
  ["xds.virtual_host_metadata", "string", "Those of the virtual host."],
  ["xds.cluster_metadata", "string", "Those of the cluster."],
  ["xds.upstream_host_metadata", "string", "Those of who answered."],
  ["xds.upstream_host_locality_metadata", "string", "Those of where that is."],
  ["xds.node", "string", "The proxy; `xds.node.id` is `node.id`, and so on."],
  ["node.id", "string", "The proxy."],
  ["node.cluster", "string", "The cluster it is one of."],
  ["node.metadata", "string", "Its metadata, and `.KEY…` in it."],
  ["node.dynamic_parameters", "string", "Parameters of its own, and `.KEY…` in it."],
  ["node.locality", "string", "Where it is; `.region`, `.zone`, `.sub_zone`."],
  ["node.user_agent_name", "string", "What the proxy is."],
  ["node.user_agent_version", "string", "Its version."],
  ["node.user_agent_build_version", "string", "The same in parts."],
  ["node.extensions", "string", "What it is built with."],
  ["node.client_features", "string", "What it says that it can."],
  ["node.listening_addresses", "string", "Where it listens."],
  ["metadata", "string", "Dynamic metadata, as the host gives it."],
  ["filter_state.KEY", "string", "Filter state of that name."],
  ["plugin_name", "string", "The name the plugin was configured with."],
  ["plugin_root_id", "string", "Its root id."],
  ["plugin_vm_id", "string", "Its VM's id."],
];

/** What edits of events read beside all that. */
export const EVENT: ReadonlyArray<readonly [name: string, type: NameEntry["type"], what: string]> =
  [
    ["event.data", "string", "What the event carries: all its data lines, or the line of JSON."],
    ["event.json", "dyn", "The same as JSON."],
    ["event.type", "string", "The event's name; null when it has none."],
    ["event.id", "string", "Its identifier; null when it has none."],
    ["event.index", "int", "How many events came before it."],
  ];

export const NAMES: ReadonlyMap<string, NameEntry> = new Map(
  ROWS.map(([name, type, what, since = "request"]) => [name, { type, since, what }]),
);

/** Members of `request` that `original` has too. */
export const ORIGINAL =
  "method scheme host path url_path query headers header_values query_params query_values cookies cookie_values useragent referer id".split(
    " ",
  );
