// The envelopes that Envoy needs around the rules: the HTTP filter, and for trying things out a
// whole bootstrap with a listener, a route and clusters.

import { ROUTE, UPSTREAM } from "../local-route.ts";

const TYPE = "type.googleapis.com/";

export interface EnvoyFilterOptions {
  /** Where Envoy reads the filter from. */
  wasmPath: string;
  /** Shown in Envoy's logs and metrics; default ruleway. */
  name?: string;
  /** Whether the names of the filter's own metrics have that name in them, so that two filters of one proxy do
   * not count together. */
  ownMetrics?: boolean;
}

/** The entry for `http_filters`. It lets the filter hold headers while a body is judged, and brings
 * it back should it ever trap: without FAIL_RELOAD one trap would take the plugin down for good. */
export function envoyFilter(rules: object, options: EnvoyFilterOptions): object {
  const name = options.name ?? "ruleway";
  return {
    name: "envoy.filters.http.wasm",
    typed_config: {
      "@type": `${TYPE}envoy.extensions.filters.http.wasm.v3.Wasm`,
      config: {
        name,
        root_id: name,
        failure_policy: "FAIL_RELOAD",
        allow_on_headers_stop_iteration: true,
        configuration: {
          "@type": `${TYPE}google.protobuf.StringValue`,
          value: JSON.stringify(rules),
        },
        vm_config: {
          vm_id: name,
          ...(options.ownMetrics && {
            configuration: { "@type": `${TYPE}google.protobuf.StringValue`, value: name },
          }),
          runtime: "envoy.wasm.runtime.v8",
          code: { local: { filename: options.wasmPath } },
        },
      },
    },
  };
}

export interface BootstrapOptions extends EnvoyFilterOptions {
  rules: object;
  listenPort: number;
  adminPort: number;
  /** `http://host:port` of the upstream. */
  upstream: string;
  /** Cluster name -> URL of what answers callouts. */
  clusters?: Record<string, string>;
  /** Filters instead of ours, for comparisons. */
  filters?: object[];
  /** Virtual hosts beside the one that takes everything, for comparisons. */
  virtualHosts?: object[];
  /** Bytes that Envoy buffers for a connection; its own default is 1 MiB. */
  bufferLimit?: number;
  /** Text format of an access log on standard output, or its members as JSON; none by default. */
  accessLog?: string | object;
}

function socketAddress(host: string, port: number): object {
  return { socket_address: { address: host, port_value: port } };
}

/** Of HTTP/1.1, Envoy drops trailers unless it is told to read them. */
const withTrailers = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    "@type": `${TYPE}envoy.extensions.upstreams.http.v3.HttpProtocolOptions`,
    explicit_http_config: { http_protocol_options: { enable_trailers: true } },
  },
};

function cluster(name: string, url: string, bufferLimit?: number): object {
  const { hostname, port, protocol } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  const isAddress = /^[\d.]+$/.test(host) || host.includes(":");
  const endpoint = {
    address: socketAddress(host, Number(port || (protocol === "https:" ? 443 : 80))),
  };
  return {
    name,
    type: isAddress ? "STATIC" : "STRICT_DNS",
    connect_timeout: "2s",
    ...(bufferLimit && { per_connection_buffer_limit_bytes: bufferLimit }),
    typed_extension_protocol_options: withTrailers,
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint }] }] },
    ...(protocol === "https:" && {
      transport_socket: {
        name: "envoy.transport_sockets.tls",
        typed_config: {
          "@type": `${TYPE}envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext`,
          sni: hostname,
        },
      },
    }),
  };
}

/** What an Envoy that clients speak to directly needs, so that its routes and its access log see the address,
 * the path and the host that the rules judge by: all of it is off by default. */
export const EDGE = {
  use_remote_address: true,
  normalize_path: true,
  path_with_escaped_slashes_action: "KEEP_UNCHANGED",
  strip_trailing_host_dot: true,
} as const;

/** Of one connection a request at a time. As it comes, Envoy ends a connection of HTTP/1.1 on which it owes three
 * answers of its own at once ("too many responses queued", measured on 1.40), so that of several requests that a
 * client sends without waiting, and rules refuse, the third would have no answer. */
const PIPELINING = { "http.max_requests_per_io_cycle": 1 };

/** A bootstrap that listens on loopback and sends everything through the rules to the upstream. */
export function envoyBootstrap(options: BootstrapOptions): object {
  const clusters = Object.entries(options.clusters ?? {}).map(([name, url]) =>
    cluster(name, url, options.bufferLimit),
  );
  const connectionManager = {
    "@type": `${TYPE}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "ingress",
    ...EDGE,
    upgrade_configs: [{ upgrade_type: "websocket" }],
    http_protocol_options: { enable_trailers: true },
    route_config: {
      name: "local",
      virtual_hosts: [
        ...(options.virtualHosts ?? []),
        {
          name: "all",
          domains: ["*"],
          routes: [
            {
              name: ROUTE,
              match: { prefix: "/" },
              route: { cluster: UPSTREAM, timeout: "0s" },
            },
          ],
        },
      ],
    },
    http_filters: [
      ...(options.filters ?? [envoyFilter(options.rules, options)]),
      {
        name: "envoy.filters.http.router",
        typed_config: { "@type": `${TYPE}envoy.extensions.filters.http.router.v3.Router` },
      },
    ],
    ...(options.accessLog && {
      access_log: [
        {
          name: "envoy.access_loggers.stdout",
          typed_config: {
            "@type": `${TYPE}envoy.extensions.access_loggers.stream.v3.StdoutAccessLog`,
            log_format:
              typeof options.accessLog === "string"
                ? { text_format_source: { inline_string: options.accessLog } }
                : { json_format: options.accessLog },
          },
        },
      ],
    }),
  };
  return {
    admin: { address: socketAddress("127.0.0.1", options.adminPort) },
    layered_runtime: { layers: [{ name: "local", static_layer: PIPELINING }] },
    static_resources: {
      listeners: [
        {
          name: "ingress",
          address: socketAddress("127.0.0.1", options.listenPort),
          ...(options.bufferLimit && { per_connection_buffer_limit_bytes: options.bufferLimit }),
          filter_chains: [
            {
              filters: [
                {
                  name: "envoy.filters.network.http_connection_manager",
                  typed_config: connectionManager,
                },
              ],
            },
          ],
        },
      ],
      clusters: [cluster(UPSTREAM, options.upstream, options.bufferLimit), ...clusters],
    },
  };
}
