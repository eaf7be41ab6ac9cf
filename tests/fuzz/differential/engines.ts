// The two engines under the same rule files: the embedded host, a gateway for each file, and one Envoy, a
// listener for each. What an engine makes of traffic is told as text, byte for byte.

import net from "node:net";
import { filterModule, wasmPath } from "../../../compiler/assets.ts";
import { freePort, startEnvoy } from "../../../compiler/gateway/envoy.ts";
import { Gateway } from "../../../compiler/gateway/server.ts";
import { compile } from "../../../compiler/index.ts";
import { envoyBootstrap } from "../../../compiler/targets/envoy.ts";
import { Reader, type WireMessage } from "../../wire/message.ts";
import type { Traffic } from "./traffic.ts";

/** What came of a request: at the client, and at the upstream. */
export interface Outcome {
  client: string;
  upstream: string;
}

interface RuleFile {
  rules: object;
  json: string;
}

/** The file as the filter takes it; undefined when `compile` finds mistakes in it. */
export function accepted(tree: object): RuleFile | undefined {
  const { rules, json } = compile(JSON.stringify(tree));
  return rules && json ? { rules, json } : undefined;
}

const ANSWER_WITHIN_MS = 1500;

/** Answers one request after another as it is told, and keeps what it was asked. */
class Upstream {
  traffic: Traffic | undefined;
  seen: string[] = [];
  private readonly sockets = new Set<net.Socket>();
  private readonly server = net.createServer((socket) => {
    this.sockets.add(socket);
    socket.on("close", () => this.sockets.delete(socket));
    this.serve(socket).catch(() => socket.destroy());
  });

  listen(): Promise<number> {
    return new Promise((resolve) =>
      this.server.listen(0, "127.0.0.1", () =>
        resolve((this.server.address() as net.AddressInfo).port),
      ),
    );
  }

  private async serve(socket: net.Socket): Promise<void> {
    const reader = new Reader(socket);
    while (true) {
      const request = await reader.request();
      this.seen.push(told(request));
      const { answer, closes, method } = this.traffic!;
      // Where a rule has made HEAD of what has an answer with a body, or the other way round, nobody would know
      // where the answer ends.
      const isHead = request.line.startsWith("HEAD ");
      if (isHead !== (method === "HEAD")) {
        socket.write(isHead ? NEXT_ANSWER.slice(0, -2) : NEXT_ANSWER);
        continue;
      }
      socket.write(request.line.startsWith("GET /~next ") ? NEXT_ANSWER : answer, "latin1");
      if (closes) socket.end();
    }
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

/** Shows whether a connection is still of use, and that nothing stray is on it. */
const NEXT = "GET /~next HTTP/1.1\r\nhost: shop.test\r\nx-next: 1\r\n\r\n";
const NEXT_ANSWER = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/** Fields of different names may come in any order (RFC 9110 5.3); those of one keep theirs. */
function ordered(head: string): string {
  const [line, ...fields] = head.split("\r\n").filter((each) => each !== "");
  const nameOf = (field: string) => field.split(":")[0]!;
  fields.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0));
  return [line, ...fields].join("\n");
}

function told(message: WireMessage): string {
  const trailers = message.trailers.map(([name, value]) => `${name}: ${value}\n`).join("");
  return `${ordered(message.head)}\n[${message.framing}] ${JSON.stringify(message.body.toString("latin1"))}\n${trailers}`;
}

async function ask(port: number, traffic: Traffic): Promise<string> {
  const socket = net.connect(port, "127.0.0.1");
  const reader = new Reader(socket);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    socket.destroy();
  }, ANSWER_WITHIN_MS);
  let text = "";
  try {
    socket.write(traffic.request, "latin1");
    while (true) {
      const answer = await reader.response(traffic.method);
      text += told(answer);
      if (answer.status >= 200 || answer.status === 101) break;
    }
    socket.write(NEXT);
    text += `\nnext: ${(await reader.response("GET")).status > 0 ? "answered" : ""}`;
  } catch (error) {
    const rest = reader.rest.toString("latin1");
    text += `\n${isLate ? "no answer in time" : (error as Error).message} ${JSON.stringify(rest)}`;
  }
  clearTimeout(timer);
  socket.destroy();
  return text;
}

/** Both engines with these rule files, and an upstream that they share. */
export class Engines {
  private constructor(
    private readonly upstream: Upstream,
    private readonly gateways: Gateway[],
    private readonly ports: { embedded: number[]; envoy: number[] },
    private readonly stopEnvoy: () => Promise<void>,
  ) {}

  static async start(envoy: string, files: RuleFile[]): Promise<Engines> {
    const upstream = new Upstream();
    const url = `http://127.0.0.1:${await upstream.listen()}`;
    const gateways = files.map(
      ({ json }) =>
        new Gateway({
          ...{ module: filterModule(), rules: json, upstream: url, clusters: {} },
          log: () => {},
        }),
    );
    const embedded = await Promise.all(gateways.map((each) => each.listen(0)));
    const ports: number[] = [];
    for (const _ of files) ports.push(await freePort());
    const running = await startEnvoy({
      envoy,
      bootstrap: ({ adminPort }) => bootstrapOf(files, ports, adminPort, url),
    });
    return new Engines(upstream, gateways, { embedded, envoy: ports }, running.stop);
  }

  async run(engine: "embedded" | "envoy", file: number, traffic: Traffic): Promise<Outcome> {
    this.upstream.traffic = traffic;
    this.upstream.seen = [];
    const client = await ask(this.ports[engine][file]!, traffic);
    return { client, upstream: this.upstream.seen.join("\n") };
  }

  async stop(): Promise<void> {
    await this.stopEnvoy();
    await Promise.all(this.gateways.map((each) => each.close()));
    this.upstream.close();
  }
}

interface Bootstrap {
  static_resources: { listeners: Array<{ name: string }> };
}

/** The bootstrap of the first file, with the listeners of all; one VM runs them. */
function bootstrapOf(files: RuleFile[], ports: number[], adminPort: number, upstream: string) {
  const each = files.map(({ rules }, i) => {
    const what = { rules, wasmPath: wasmPath(), upstream, name: `ruleway-${i}` };
    const text = JSON.stringify(envoyBootstrap({ ...what, listenPort: ports[i]!, adminPort }));
    return JSON.parse(text.replace(/"vm_id":"[^"]*"/, '"vm_id":"ruleway"')) as Bootstrap;
  });
  const listeners = each.map(({ static_resources: { listeners } }, i) => ({
    ...listeners[0]!,
    name: `ingress-${i}`,
  }));
  return { ...each[0]!, static_resources: { ...each[0]!.static_resources, listeners } };
}
