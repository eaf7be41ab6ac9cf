// Decodes what has to do with Redis: servers among the services, and the `redis` step. Only the filter for
// Higress can do it; elsewhere all of it is refused.

import { scratch } from "../abi/memory";
import { equal } from "../bytes/span";
import { copy } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { NO_NODE, Tape } from "../json/tape";
import { Template } from "../rules/template";
import { RedisStep } from "../steps/redis";
import { Configuration, Step } from "../stream/program";
import { RedisWatch } from "../stream/redis-calls";
import { RedisService } from "../stream/redis-service";
import { Service } from "../stream/service";
import { decodeWaiting } from "./callouts";
import { Context, memberOf } from "./context";
import { Report } from "./report";
import { Services } from "./services";
import { integerOf } from "./shape";

const upstream = Writer.create();

/** Reports a node that asks for Redis where no host has it. */
export function refuseRedis(node: i32, report: Report): void {
  report.add(
    node,
    "R402",
    -1,
    "only Higress has Redis, and dist/ruleway-higress.wasm is the filter for it (--target higress)",
  );
}

/** The server that a service's `redis` describes; null, reported, where there is none, or when another
 * service speaks to the same cluster in another way: the host knows clusters, not services. */
export function decodeRedisService(
  tape: Tape,
  node: i32,
  service: Service,
  report: Report,
  configuration: Configuration,
): RedisService | null {
  if (!isDefined(HIGRESS)) {
    refuseRedis(node, report);
    return null;
  }
  const arena = configuration.arena;
  const redis = new RedisService();
  redis.cluster = service.cluster;
  redis.timeoutMs = service.timeoutMs;
  const username = memberOf(tape, node, "username");
  const password = memberOf(tape, node, "password");
  if (username != NO_NODE) redis.username = copy(tape.text(username, scratch), arena);
  if (password != NO_NODE) redis.password = copy(tape.text(password, scratch), arena);
  upstream.reset();
  upstream.span(service.cluster);
  const db = memberOf(tape, node, "db");
  upstream.byte(0x3f);
  if (db != NO_NODE && integerOf(tape.raw(db)) != 0) {
    upstream.text("db=");
    upstream.integer(integerOf(tape.raw(db)));
    upstream.byte(0x26);
  }
  // Without these the client would wait for more commands before it sends.
  upstream.text("buffer_flush_timeout=0&max_buffer_size_before_flush=0");
  redis.upstream = copy(upstream.view(), arena);
  const known = configuration.redis;
  for (let i = 0; i < known.length; i++) {
    if (!equal(known[i].cluster, redis.cluster)) continue;
    if (known[i].isLike(redis)) return known[i];
    const text =
      "another service speaks to this cluster with another user, password, db or timeout";
    report.add(node, "R311", -1, text);
    return null;
  }
  // What watches the deadlines of its commands.
  if (known.length == 0) configuration.periodics.push(new RedisWatch(configuration));
  known.push(redis);
  return redis;
}

/** The step; null, reported, when it is not there for this filter or has no server. */
export function decodeRedisStep(context: Context, services: Services, value: i32): Step | null {
  if (!isDefined(HIGRESS)) {
    refuseRedis(value, context.report);
    return null;
  }
  const service = services.findRedis(context, context.member(value, "service"));
  if (service == null) return null;
  const nodes = context.strings(context.member(value, "command"));
  const words = new StaticArray<Template>(nodes.length);
  for (let i = 0; i < nodes.length; i++) words[i] = context.template(nodes[i]);
  const step = new RedisStep(service, words);
  decodeWaiting(context, value, step, service.timeoutMs);
  return step;
}
