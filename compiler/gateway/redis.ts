// Redis for the local gateway: what Higress's own client does for a filter, over TCP. One connection
// for each cluster, made when first needed and again after it broke; commands go one after another and
// replies come back in the same order. As in Envoy's client, a command that takes too long costs the
// connection: what came late could not be told from what comes next.

import net from "node:net";
import {
  type RedisBackend,
  type RedisCall,
  type RedisSettings,
  ReplyScanner,
} from "../../host/index.ts";

/** Larger replies break the connection off. */
const MAX_REPLY = 64 * 1024 * 1024;

/** Redis at these addresses, `redis://host:port` by cluster. */
export class RedisServers implements RedisBackend {
  private readonly settings = new Map<string, RedisSettings>();
  private readonly connections = new Map<string, Connection>();

  constructor(
    private readonly addresses: Record<string, string>,
    private readonly log: (line: string) => void = () => {},
  ) {}

  init(settings: RedisSettings): boolean {
    if (!Object.hasOwn(this.addresses, settings.cluster)) return false;
    // Other credentials or another database: the next command gets a connection of its own.
    this.connections.get(settings.cluster)?.retire();
    this.connections.delete(settings.cluster);
    this.settings.set(settings.cluster, settings);
    return true;
  }

  call(call: RedisCall): void {
    const { cluster } = call;
    const settings = this.settings.get(cluster);
    if (!settings) {
      call.fail();
      return;
    }
    let connection = this.connections.get(cluster);
    if (!connection || connection.isOver) {
      connection = new Connection(this.addresses[cluster]!, settings, this.log);
      this.connections.set(cluster, connection);
    }
    connection.send(call);
  }

  close(): void {
    for (const connection of this.connections.values()) connection.destroy();
    this.connections.clear();
  }
}

type Waiting = Pick<RedisCall, "respond" | "fail">;

class Connection {
  isOver = false;
  private readonly socket: net.Socket;
  private readonly scanner = new ReplyScanner(MAX_REPLY);
  private readonly waiting: Waiting[] = [];
  private isRetired = false;

  constructor(
    address: string,
    settings: RedisSettings,
    private readonly log: (line: string) => void,
  ) {
    const { hostname, port } = new URL(address);
    this.socket = net.connect({
      host: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port || 6379),
      noDelay: true,
    });
    this.socket.on("data", (piece) => this.take(piece));
    this.socket.on("error", () => this.destroy());
    this.socket.on("close", () => this.destroy());
    const { user, password } = settings;
    if (password) this.prepare(["auth", ...(user ? [user] : []), password]);
    const db = settings.parameters["db"];
    if (db) this.prepare(["select", db]);
  }

  /** A command of ours before any other; that it was refused shows in the answers to the others. */
  private prepare(words: string[]): void {
    this.socket.write(command(words));
    this.waiting.push({
      respond: (reply) => {
        if (reply[0] !== 0x2d) return;
        this.log(`  redis: ${words[0]}: ${Buffer.from(reply).toString("latin1").trim()}`);
      },
      fail: () => {},
    });
  }

  send(call: RedisCall): void {
    call.onCancel = () => this.destroy();
    this.waiting.push(call);
    this.socket.write(call.command);
  }

  private take(piece: Uint8Array): void {
    if (this.isOver) return;
    let replies: Uint8Array[];
    try {
      replies = this.scanner.feed(piece);
    } catch (error) {
      this.log(`  redis: no reply: ${(error as Error).message}`);
      this.destroy();
      return;
    }
    for (const reply of replies) {
      const next = this.waiting.shift();
      if (!next) {
        // Nobody has asked for it, so it cannot be told what answers what any more.
        this.destroy();
        return;
      }
      next.respond(reply);
      if (this.isOver) return;
    }
    if (this.isRetired && this.waiting.length === 0) this.destroy();
  }

  /** Takes no new commands; ends with the last answer. */
  retire(): void {
    this.isRetired = true;
    if (this.waiting.length === 0) this.destroy();
  }

  destroy(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.socket.destroy();
    for (const each of this.waiting.splice(0)) each.fail();
  }
}

/** A command as servers take it. */
export function command(words: readonly string[]): Buffer {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return Buffer.from(`*${words.length}\r\n${parts.join("")}`);
}
