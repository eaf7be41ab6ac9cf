// Rules on a real Envoy with real servers, for tests. `envoy` is undefined where there is none; tests
// are then skipped, visibly.

import http from "node:http";
import net from "node:net";
import { wasmPath } from "../../compiler/assets.ts";
import { readBody, serve } from "../../compiler/gateway/demo.ts";
import { findEnvoy, type RunningEnvoy, startEnvoy } from "../../compiler/gateway/envoy.ts";
import { compile } from "../../compiler/index.ts";
import { envoyBootstrap } from "../../compiler/targets/envoy.ts";

export const envoy = findEnvoy();
if (!envoy) console.log("no Envoy found: tests that need one are skipped (npm test installs it)");

export interface Setup {
  envoy: RunningEnvoy;
  /** Requests that the upstream has begun to get. */
  upstream: Array<{ url: string; headers: http.IncomingHttpHeaders; body: Promise<Buffer> }>;
  stop(): Promise<void>;
}

interface SetupOptions {
  concurrency?: number;
  upstream?: http.RequestListener;
  accessLog?: string;
  /** Changes the bootstrap where it stands. */
  adjust?: (bootstrap: Bootstrap) => void;
}

/** What tests change of a bootstrap. */
export interface Bootstrap {
  static_resources: {
    clusters: object[];
    listeners: [{ filter_chains: [{ filters: [{ typed_config: ConnectionManager }] }] }];
  };
  layered_runtime?: object;
}

interface ConnectionManager {
  route_config: { virtual_hosts: object[] };
  tracing?: object;
}

/** The one that all requests come to. */
export function connectionManager(bootstrap: Bootstrap): ConnectionManager {
  return bootstrap.static_resources.listeners[0].filter_chains[0].filters[0].typed_config;
}

/** Starts the rules (YAML) in front of an upstream that echoes bodies. `services` answer callouts. */
export async function setUp(
  yaml: string,
  services: Record<string, http.RequestListener> = {},
  options: SetupOptions = {},
): Promise<Setup> {
  const compiled = compile(yaml);
  if (!compiled.rules) throw new Error(JSON.stringify(compiled.diagnostics, null, 2));
  const seen: Setup["upstream"] = [];
  const upstream = await serve((request, response) => {
    const body = readBody(request);
    body.catch(() => {});
    seen.push({ url: request.url ?? "", headers: request.headers, body });
    if (options.upstream) {
      options.upstream(request, response);
      return;
    }
    body.then(
      (bytes) => response.end(bytes),
      () => response.destroy(),
    );
  });
  const backends = await Promise.all(Object.values(services).map((handler) => serve(handler)));
  const names = Object.keys(services);
  const clusters = Object.fromEntries(names.map((name, i) => [name, backends[i]!.url]));
  const closeAll = () => Promise.all([upstream, ...backends].map((each) => each.close()));
  try {
    const running = await startEnvoy({
      envoy: envoy!,
      concurrency: options.concurrency ?? 1,
      flushMs: 20,
      bootstrap: (ports) => {
        const bootstrap = envoyBootstrap({
          ...ports,
          ...{ rules: compiled.rules!, wasmPath: wasmPath(), upstream: upstream.url, clusters },
          accessLog: options.accessLog,
        });
        options.adjust?.(bootstrap as Bootstrap);
        return bootstrap;
      },
    });
    return {
      envoy: running,
      upstream: seen,
      async stop() {
        await running.stop();
        await closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

export interface Got {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** One request; `pieces` are written one after another, chunked unless content-length is given. */
export function request(
  port: number,
  path: string,
  options: {
    method?: string;
    headers?: http.OutgoingHttpHeaders;
    pieces?: Array<string | Buffer>;
  } = {},
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const outgoing = http.request({
      ...{ host: "127.0.0.1", port, path, agent: false, timeout: 15_000 },
      method: options.method ?? (options.pieces ? "POST" : "GET"),
      headers: options.headers,
    });
    outgoing.on("error", reject);
    outgoing.on("timeout", () => outgoing.destroy(new Error("no answer within 15 s")));
    outgoing.on("response", (incoming) => {
      readBody(incoming).then(
        (body) =>
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: body.toString(),
          }),
        reject,
      );
    });
    for (const piece of options.pieces ?? []) outgoing.write(piece);
    outgoing.end();
  });
}

/** Bytes sent as they are; what came back until the other side closed or was silent for a while. */
export function raw(port: number, text: string, silence = 500): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = net.connect(port, "127.0.0.1", () => socket.write(text, "latin1"));
    socket.setTimeout(silence);
    const end = () => {
      socket.destroy();
      resolve(answer);
    };
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
    });
    socket.on("timeout", end);
    socket.on("close", end);
    socket.on("error", end);
  });
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
