// Messages of unusual shape through a real Envoy, with rules that edit every body: gRPC and trailers over
// HTTP/2, interim responses, responses without a body, tunnels. What is not for editing arrives as it was
// sent; what is, arrives whole or not at all.

import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { wasmPath } from "../../compiler/assets.ts";
import { type RunningEnvoy, startEnvoy } from "../../compiler/gateway/envoy.ts";
import { compile } from "../../compiler/index.ts";
import { envoyBootstrap } from "../../compiler/targets/envoy.ts";
import { envoy, raw } from "./envoy.ts";

const RULES = `
ruleway: 1
rules:
  - match: { path: "/json/**" }
    request: [{ body: { json: { set: { /ok: true } }, onError: deny } }]
    response: [{ body: { json: { set: { /ok: true } } } }]
  - match: { not: { path: "/json/**" } }
    request: [{ body: { replace: [{ find: foo, with: barbaz }] } }]
    response: [{ body: { replace: [{ find: foo, with: barbaz }] } }]
`;

interface Sent {
  headers?: http2.OutgoingHttpHeaders;
  body: Buffer;
  trailers?: http2.OutgoingHttpHeaders;
}

interface Got {
  headers: http2.IncomingHttpHeaders;
  body: Buffer;
  trailers: http2.IncomingHttpHeaders;
}

/** Bytes with a gRPC message around them. */
function framed(text: string): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat([head, Buffer.from(text)]);
}

async function gather(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const listen = (server: net.Server | http2.Http2Server) =>
  new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as net.AddressInfo).port)),
  );

// biome-ignore lint/suspicious/noExplicitAny: a bootstrap is any JSON
type Json = any;

function start(port: number, change: (bootstrap: Json) => void): Promise<RunningEnvoy> {
  return startEnvoy({
    envoy: envoy!,
    bootstrap: (ports) => {
      const bootstrap: Json = envoyBootstrap({
        ...ports,
        ...{ rules: compile(RULES).rules!, wasmPath: wasmPath() },
        upstream: `http://127.0.0.1:${port}`,
      });
      change(bootstrap);
      return bootstrap;
    },
  });
}

describe.skipIf(!envoy)("HTTP/2 on Envoy", () => {
  let running: RunningEnvoy;
  let client: http2.ClientHttp2Session;
  let upstream: http2.Http2Server;
  let seen: Got[] = [];
  let answer: Sent = { body: Buffer.alloc(0) };

  beforeAll(async () => {
    upstream = http2.createServer();
    upstream.on("stream", async (stream, headers) => {
      let trailers: http2.IncomingHttpHeaders = {};
      stream.on("trailers", (each) => {
        trailers = each;
      });
      stream.on("error", () => {});
      const body = await gather(stream).catch(() => undefined);
      if (body === undefined) return;
      seen.push({ headers, body, trailers });
      stream.respond({ ":status": 200, ...answer.headers }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers(answer.trailers ?? {}));
      stream.end(answer.body);
    });
    running = await start(await listen(upstream), (bootstrap) => {
      bootstrap.static_resources.clusters[0].typed_extension_protocol_options = {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
          "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
          explicit_http_config: { http2_protocol_options: {} },
        },
      };
    });
    client = http2.connect(`http://127.0.0.1:${running.port}`);
  });
  afterAll(async () => {
    client?.destroy();
    await running?.stop();
    upstream?.close();
  });

  async function exchange(path: string, sent: Sent, from: Sent): Promise<Got> {
    answer = from;
    seen = [];
    const headers = { ":method": "POST", ":path": path, ...sent.headers };
    const stream = client.request(headers, { waitForTrailers: true });
    stream.on("wantTrailers", () => {
      if (sent.trailers) stream.sendTrailers(sent.trailers);
      else stream.close();
    });
    const got: Got = { headers: {}, body: Buffer.alloc(0), trailers: {} };
    stream.on("response", (each) => {
      got.headers = each;
    });
    stream.on("trailers", (each) => {
      got.trailers = each;
    });
    const first = sent.body.subarray(0, 3);
    stream.write(first);
    stream.end(sent.body.subarray(3));
    got.body = await gather(stream).catch(() => Buffer.from("broken off"));
    return got;
  }

  test("gRPC passes untouched both ways, trailers and all", async () => {
    const type = { "content-type": "application/grpc+proto", te: "trailers" };
    const sent = { headers: type, body: framed("foo and {"), trailers: { "x-sent": "1" } };
    const from = { headers: type, body: framed("foo"), trailers: { "grpc-status": "0" } };
    const got = await exchange("/replace", sent, from);
    expect(seen[0]!.body).toEqual(sent.body);
    expect(seen[0]!.trailers["x-sent"]).toBe("1");
    expect(got.body).toEqual(from.body);
    expect(got.trailers["grpc-status"]).toBe("0");
  });

  test("gRPC is refused where an edit of it denies, in gRPC's own way", async () => {
    const type = { "content-type": "application/grpc+proto", te: "trailers" };
    const got = await exchange(
      "/json/a",
      { headers: type, body: framed("{"), trailers: { "x-sent": "1" } },
      { body: framed("") },
    );
    expect(seen).toEqual([]);
    expect([got.headers[":status"], got.headers["grpc-status"]]).toEqual([200, "2"]);
  });

  test("what streams is edited before trailers too", async () => {
    const sent = { body: Buffer.from("a foo b"), trailers: { "x-sent": "1" } };
    const from = { body: Buffer.from("c foo d"), trailers: { "x-got": "2" } };
    const got = await exchange("/replace", sent, from);
    expect([seen[0]!.body.toString(), seen[0]!.trailers["x-sent"]]).toEqual(["a barbaz b", "1"]);
    expect([got.body.toString(), got.trailers["x-got"]]).toEqual(["c barbaz d", "2"]);
  });

  test("a body that is held when trailers come is refused, never passed on short", async () => {
    const trailers = { "x-sent": "1" };
    for (const [path, text] of [
      ["/json/a", '{"a":1}'],
      ["/replace", "ends with fo"],
    ] as const) {
      const got = await exchange(
        path,
        { body: Buffer.from(text), trailers },
        { body: Buffer.from("{}") },
      );
      const whole = seen.map(({ body }) => body.toString());
      expect(whole.filter((body) => body !== text)).toEqual([]);
      expect([400, undefined]).toContain(got.headers[":status"]);
    }
  });
});

describe.skipIf(!envoy)("HTTP/1.1 on Envoy", () => {
  let running: RunningEnvoy;
  let upstream: net.Server;
  let answer: (request: string) => string = () => "";
  let seen = "";

  beforeAll(async () => {
    upstream = net.createServer((socket) => {
      let text = "";
      socket.on("error", () => {});
      socket.on("data", (chunk) => {
        text += chunk.toString("latin1");
        const reply = answer(text);
        if (reply === "") return;
        seen = text;
        text = "";
        socket.write(reply, "latin1");
      });
    });
    running = await start(await listen(upstream), (bootstrap) => {
      const manager =
        bootstrap.static_resources.listeners[0].filter_chains[0].filters[0].typed_config;
      manager.upgrade_configs.push({ upgrade_type: "CONNECT" });
      manager.route_config.virtual_hosts[0].routes.unshift({
        match: { connect_matcher: {} },
        route: {
          cluster: "upstream",
          upgrade_configs: [{ upgrade_type: "CONNECT", connect_config: {} }],
        },
      });
    });
  });
  afterAll(async () => {
    await running?.stop();
    upstream?.close();
  });

  const ended = (text: string) => (text.includes("\r\n\r\n") ? text : "");

  test.each([
    ["204", "HTTP/1.1 204 No Content\r\n\r\n"],
    ["304", 'HTTP/1.1 304 Not Modified\r\netag: "a"\r\n\r\n'],
    ["304 with a length", 'HTTP/1.1 304 Not Modified\r\netag: "a"\r\ncontent-length: 7\r\n\r\n'],
  ])("%s has no body, and the connection goes on", async (status, reply) => {
    answer = (text) => (ended(text) ? reply : "");
    const twice = "GET /replace HTTP/1.1\r\nhost: a\r\n\r\n".repeat(2);
    const got = await raw(running.port, twice, 400);
    expect(got.match(new RegExp(`HTTP/1.1 ${status.slice(0, 3)}`, "g"))).toHaveLength(2);
    if (status.startsWith("304")) expect(got).toContain('etag: W/"a"');
  });

  test("HEAD", async () => {
    answer = (text) => (ended(text) ? "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n" : "");
    const twice = "HEAD /json/a HTTP/1.1\r\nhost: a\r\n\r\n".repeat(2);
    const got = await raw(running.port, twice, 400);
    expect(got.match(/HTTP\/1.1 200/g)).toHaveLength(2);
    // How long an edited body would be is not known.
    expect(got).not.toContain("content-length: 7");
  });

  test("interim responses are no responses", async () => {
    answer = (text) =>
      ended(text)
        ? "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nfoo"
        : "";
    const got = await raw(running.port, "GET /replace HTTP/1.1\r\nhost: a\r\n\r\n", 400);
    expect(got).toContain("HTTP/1.1 200 OK");
    expect(got).toMatch(/barbaz\r\n0\r\n\r\n$|\r\n\r\nbarbaz$/);
  });

  test("a client that waits for 100 Continue gets it, though headers are held", async () => {
    answer = (text) =>
      text.includes('"ok":true') ? "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" : "";
    const got = await new Promise<string>((resolve, reject) => {
      const headers = { expect: "100-continue", "content-length": 7 };
      const outgoing = http.request(
        {
          host: "127.0.0.1",
          port: running.port,
          path: "/json/a",
          method: "POST",
          headers,
          agent: false,
        },
        (incoming) => resolve(String(incoming.statusCode)),
      );
      outgoing.on("continue", () => outgoing.end('{"a":1}'));
      outgoing.on("error", reject);
      outgoing.flushHeaders();
      setTimeout(() => outgoing.destroy(new Error("no answer")), 5000).unref();
    });
    expect(got).toBe("200");
    expect(seen).toContain('{"a":1,"ok":true}');
  });

  test("a CONNECT tunnel is not edited", async () => {
    answer = (text) => (text.startsWith("foo") ? `echo ${text}` : "");
    const got = await new Promise<string>((resolve) => {
      const socket = net.connect(running.port, "127.0.0.1", () =>
        socket.write("CONNECT a.example:80 HTTP/1.1\r\nhost: a.example:80\r\n\r\n"),
      );
      let text = "";
      socket.on("data", (chunk) => {
        if (text === "") socket.write("foo in a tunnel");
        text += chunk.toString();
        if (!text.includes("in a tunnel")) return;
        socket.destroy();
        resolve(text);
      });
    });
    expect(got).toContain("HTTP/1.1 200");
    expect(got).toContain("echo foo in a tunnel");
  });

  test("a chunked body that stops, and one that is cut off, reach nobody as a whole", async () => {
    answer = () => "";
    seen = "";
    const head = "POST /json/a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    await raw(running.port, `${head}7\r\n{"a":1}\r\n`, 300);
    await raw(running.port, `${head}20\r\n{"a"`, 300);
    expect(seen).toBe("");
    expect(running.log()).not.toMatch(/wasm.*(trap|Uncaught|unreachable)/i);
  });
});
