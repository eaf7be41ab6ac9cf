// The services of a document by name, for the steps that call them.

import { scratch } from "../abi/memory";
import { fromString, toString } from "../bytes/text";
import { NO_NODE, Tape } from "../json/tape";
import * as quantity from "../rules/quantity";
import { Configuration } from "../stream/program";
import { RedisService } from "../stream/redis-service";
import { Service } from "../stream/service";
import { Context, memberOf } from "./context";
import { parseService, ServiceRecord } from "./records";
import { decodeRedisService } from "./redis";
import { Report } from "./report";

@final
export class Services {
  private readonly names: string[] = [];
  private readonly services: Service[] = [];

  /** Adds the services of a document's `services`; those that are there already stay. */
  add(tape: Tape, node: i32, report: Report, configuration: Configuration): void {
    const arena = configuration.arena;
    if (node == NO_NODE) return;
    const stop = tape.after(node);
    for (let key = tape.firstChild(node); key < stop; key = tape.after(key + 1)) {
      const name = toString(tape.text(key, scratch));
      if (this.names.includes(name)) continue;
      const record = parseService(toString(tape.raw(key + 1)));
      const service = new Service();
      service.cluster = fromString(record.cluster, arena);
      service.authority = fromString(
        record.authority.length ? record.authority : record.cluster,
        arena,
      );
      if (record.timeout.length) service.timeoutMs = timeoutOf(tape, key + 1, record, report);
      const redis = memberOf(tape, key + 1, "redis");
      service.isRedis = redis != NO_NODE;
      if (service.isRedis)
        service.redis = decodeRedisService(tape, redis, service, report, configuration);
      this.names.push(name);
      this.services.push(service);
    }
  }

  /** The service named by the string; an empty one, reported, when there is none for HTTP. */
  find(context: Context, node: i32): Service {
    const service = this.named(context, node);
    if (!service.isRedis) return service;
    context.report.add(node, "R303", -1, "this service is Redis, which takes commands only");
    return new Service();
  }

  /** The same for commands; null, reported, when there is none for them. */
  findRedis(context: Context, node: i32): RedisService | null {
    const before = context.report.count;
    const service = this.named(context, node);
    if (!service.isRedis && context.report.count == before)
      context.report.add(node, "R303", -1, "this service is not Redis: it has no redis: {}");
    return service.redis;
  }

  private named(context: Context, node: i32): Service {
    const name = toString(context.tape.text(node, scratch));
    const i = this.names.indexOf(name);
    if (i >= 0) return this.services[i];
    const known = this.names.length ? "; there are " + this.names.join(", ") : "; there are none";
    context.report.add(node, "R303", -1, 'no such service: "' + name + '"' + known);
    return new Service();
  }
}

function timeoutOf(tape: Tape, node: i32, record: ServiceRecord, report: Report): i32 {
  const ms = quantity.duration(fromString(record.timeout, scratch));
  if (ms > 0) return ms as i32;
  report.add(
    tape.member(node, fromString("timeout", scratch)),
    "R308",
    -1,
    "a duration is such as 500ms, 15s, 5m; not 0, and a day at most",
  );
  return 0;
}
