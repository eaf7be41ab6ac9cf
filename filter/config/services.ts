// The services of a document by name, for the steps that call them.

import { scratch } from "../abi/memory";
import { fromString, toString } from "../bytes/text";
import { NO_NODE, Tape } from "../json/tape";
import * as quantity from "../rules/quantity";
import { Configuration } from "../stream/program";
import { RedisService } from "../stream/redis-service";
import { Service } from "../stream/service";
import { Context, memberOf } from "./context";
import { Numbering } from "./numbering";
import { parseService, ServiceRecord } from "./records";
import { decodeRedisService } from "./redis";
import { Report } from "./report";

/** Those of one document. */
@final
export class ServiceMap {
  readonly names: Numbering = new Numbering();
  readonly services: Service[] = [];

  constructor(tape: Tape, node: i32, report: Report, configuration: Configuration) {
    const stop = tape.after(node);
    for (let key = tape.firstChild(node); key < stop; key = tape.after(key + 1)) {
      const name = tape.text(key, scratch);
      if (this.names.find(name) >= 0) continue;
      this.names.add(name, configuration.arena);
      this.services.push(decodeService(tape, key + 1, report, configuration));
    }
  }
}

/** Those of a document and of what it inherits from. */
@final
export class Services {
  /** The nearest first. */
  private readonly maps: ServiceMap[] = [];

  /** Adds the services of a document's `services`; those that are there already stay. `made` has those that
   * were decoded before, by their nodes. */
  add(
    tape: Tape,
    node: i32,
    report: Report,
    configuration: Configuration,
    made: Map<i32, ServiceMap>,
  ): void {
    if (!made.has(node)) made.set(node, new ServiceMap(tape, node, report, configuration));
    this.maps.push(made.get(node));
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
    const name = context.tape.text(node, scratch);
    for (let k = 0; k < this.maps.length; k++) {
      const i = this.maps[k].names.find(name);
      if (i >= 0) return this.maps[k].services[i];
    }
    const why = 'no such service: "' + toString(name) + '"' + this.listed();
    context.report.add(node, "R303", -1, why);
    return new Service();
  }

  private listed(): string {
    let text = "";
    for (let k = 0; k < this.maps.length; k++) text += this.maps[k].names.listed();
    return text.length > 0 ? text : "; there are none";
  }
}

function decodeService(
  tape: Tape,
  node: i32,
  report: Report,
  configuration: Configuration,
): Service {
  const arena = configuration.arena;
  const record = parseService(toString(tape.raw(node)));
  const service = new Service();
  const authority = record.authority.length ? record.authority : record.cluster;
  service.cluster = fromString(record.cluster, arena);
  service.authority = fromString(authority, arena);
  if (record.timeout.length) service.timeoutMs = timeoutOf(tape, node, record, report);
  const redis = memberOf(tape, node, "redis");
  service.isRedis = redis != NO_NODE;
  if (service.isRedis)
    service.redis = decodeRedisService(tape, redis, service, report, configuration);
  return service;
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
