// The filter for Higress in the local gateway, in front of an upstream that counts.

import { filterModule } from "../../compiler/assets.ts";
import { serve } from "../../compiler/gateway/demo.ts";
import { Gateway } from "../../compiler/gateway/server.ts";
import { compile } from "../../compiler/index.ts";
import { request } from "../envoy/envoy.ts";

/** With the rules (YAML), and Redis at `url` as the cluster `redis`; what is to be closed afterwards is
 * added to `closing`. */
export async function startGateway(yaml: string, url: string, closing: Array<() => unknown>) {
  const { json, diagnostics } = compile(yaml, { target: "higress" });
  if (!json) throw new Error(JSON.stringify(diagnostics, null, 2));
  const seen = { requests: 0 };
  const upstream = await serve((_request, response) => {
    seen.requests++;
    response.end("from the upstream");
  });
  closing.push(upstream.close);
  const log: string[] = [];
  const gateway = new Gateway({
    module: filterModule("ruleway-higress.wasm"),
    rules: json,
    upstream: upstream.url,
    clusters: { redis: url, "outbound|6379||redis.static": url },
    log: (line) => log.push(line),
  });
  closing.push(() => gateway.close());
  const port = await gateway.listen(0);
  const get = (path = "/", headers: Record<string, string> = {}) =>
    request(port, path, { headers });
  return { gateway, log, get, seen, port };
}
