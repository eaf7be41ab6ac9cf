// Redis in rule tests: the replies that a test says, one after another, and the commands that came.

import type { RedisBackend, RedisCall } from "../../host/index.ts";
import type { Answer, Reply } from "./format.ts";

/** Bytes of the reply (RESP 2). */
export function encodeReply(reply: Reply): Buffer {
  if (reply === null) return Buffer.from("$-1\r\n");
  if (typeof reply === "number") return Buffer.from(`:${reply}\r\n`);
  if (typeof reply === "string") {
    return Buffer.from(`$${Buffer.byteLength(reply)}\r\n${reply}\r\n`);
  }
  if (!Array.isArray(reply)) return Buffer.from(`-${reply.error}\r\n`);
  return Buffer.concat([Buffer.from(`*${reply.length}\r\n`), ...reply.map(encodeReply)]);
}

/** The words of a command, which is a RESP array of bulk strings. */
export function wordsOf(command: Uint8Array): string[] {
  const words: string[] = [];
  const bytes = Buffer.from(command);
  let at = bytes.indexOf("\n") + 1;
  while (at < bytes.length) {
    const end = bytes.indexOf("\r\n", at);
    const size = Number(bytes.toString("latin1", at + 1, end));
    words.push(bytes.toString("utf8", end + 2, end + 2 + size));
    at = end + 4 + size;
  }
  return words;
}

/** What the world around it does. */
export interface Surroundings {
  /** The service of a cluster, if there is one. */
  service(cluster: string): string | undefined;
  answer(service: string): Answer | undefined;
  /** A command has come. */
  onCommand(service: string, words: string[]): void;
  onProblem(text: string): void;
  /** Lets so many milliseconds pass, then does it. */
  later(delay: number, action: () => void): void;
}

export class ScriptedRedis implements RedisBackend {
  private readonly answered = new Map<string, number>();

  constructor(private readonly around: Surroundings) {}

  init({ cluster }: { cluster: string }): boolean {
    return this.around.service(cluster) !== undefined;
  }

  call(call: RedisCall): void {
    const { around } = this;
    const service = around.service(call.cluster)!;
    const words = wordsOf(call.command);
    around.onCommand(service, words);
    const answer = around.answer(service);
    const n = this.answered.get(service) ?? 0;
    this.answered.set(service, n + 1);
    const reply = answer?.replies?.[n];
    if (!answer?.fail && reply === undefined) {
      around.onProblem(`calls.${service}: the test has no reply for ${JSON.stringify(words)}`);
    }
    around.later(answer?.delay ?? 0, () => {
      if (answer?.fail || reply === undefined) call.fail();
      else call.respond(encodeReply(reply));
    });
  }
}
