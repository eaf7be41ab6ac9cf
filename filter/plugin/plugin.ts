// A plugin context of the host and its configuration: configuring is all or nothing; the old
// configuration stays in force until the new one is whole, and in use by the streams that began
// with it.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { BufferType, LogLevel } from "../abi/numbers";
import { Arena } from "../bytes/arena";
import { NONE, span } from "../bytes/span";
import { fromString, fromText, toString } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { decodeConfiguration, LastGood } from "../config/document";
import { logNotes } from "../config/notes";
import { logPlan } from "../config/plan";
import { Counter, count, countMany } from "../stream/counters";
import { setGauge, writeWord } from "../stream/metrics";
import { Configuration } from "../stream/program";
import { pluginName } from "../stream/space";
import { readTracing } from "../stream/trace";

/** More often than this, in milliseconds, no host is asked to wake us. */
const SHORTEST_TICK: i32 = 10;

/** A hash is told in so many bits: a double holds them exactly. */
const HASH_BITS: u64 = 53;

const word = Writer.create();

@final
export class Plugin {
  /** What new streams begin with. */
  configuration: Configuration = empty();
  private tickPeriod: i32 = 0;
  /** The host's name for it, once it has been configured. */
  private name: string | null = null;

  constructor(readonly id: u32) {}

  /** Reads `size` bytes of configuration; false when it is refused: then nothing has changed. */
  configure(size: i32): bool {
    host.forgetLogLevel();
    const intake = Arena.create();
    const isAccepted = this.configureFrom(size, intake);
    intake.destroy();
    count(isAccepted ? Counter.ConfigurationAccepted : Counter.ConfigurationRejected);
    return isAccepted;
  }

  private configureFrom(size: i32, intake: Arena): bool {
    if (size == 0) {
      log(LogLevel.Warn, "ruleway: the configuration is empty; nothing will be done");
      this.swap(empty());
      return true;
    }
    const text = host.bufferBytes(BufferType.PluginConfiguration, 0, size, intake);
    if (text == NONE) {
      log(LogLevel.Error, "ruleway: the configuration cannot be read from the host");
      return false;
    }
    const decoded = decodeConfiguration(text, lastGoodOf(pluginName()));
    const prefix = decoded.pluginId.length ? "ruleway [" + decoded.pluginId + "]: " : "ruleway: ";
    const configuration = decoded.configuration;
    decoded.report.log(prefix, configuration == null ? LogLevel.Error : LogLevel.Warn);
    if (configuration == null) {
      log(
        LogLevel.Error,
        prefix + "the configuration is refused: " + counted(decoded.report.count, "problem"),
      );
      return false;
    }
    countMany(Counter.RuleSkipped, decoded.skipped);
    if (decoded.skipped > 0) {
      log(
        LogLevel.Warn,
        prefix + decoded.skipped.toString() + " rules are left out or kept as they were",
      );
    }
    if (configuration.requestsPerCycle > 0) limitCycles(configuration.requestsPerCycle);
    logNotes(configuration, prefix);
    logPlan(configuration, prefix);
    readTracing();
    tell(configuration, decoded.hash >> (64 - HASH_BITS), decoded.skipped, prefix);
    this.swap(configuration);
    return true;
  }

  private swap(configuration: Configuration): void {
    configuration.use();
    configuration.root = this.id;
    const before = this.configuration;
    this.name = pluginName();
    stop(before, configuration);
    start(configuration);
    this.configuration = configuration;
    before.release();
    if (isDefined(HIGRESS)) {
      for (let i = 0; i < configuration.redis.length; i++) configuration.redis[i].prepare();
    }
    this.setTickPeriod();
  }

  /** As often as the most impatient of what is to be done wants it. */
  private setTickPeriod(): void {
    const periodics = this.configuration.periodics;
    let period = 0;
    for (let i = 0; i < periodics.length; i++) {
      if (periodics[i].resolutionMs == 0) continue;
      const resolution = max(SHORTEST_TICK, periodics[i].resolutionMs);
      if (period == 0 || resolution < period) period = resolution;
    }
    if (period == this.tickPeriod) return;
    this.tickPeriod = period;
    host.setTickPeriod(period);
  }

  tick(): void {
    const now = host.milliseconds();
    const periodics = this.configuration.periodics;
    for (let i = 0; i < periodics.length; i++) periodics[i].tick(now);
    this.setTickPeriod();
  }

  /** Whether what one of the two leaves is for the other: a proxy makes a context for each version. */
  isKin(other: Plugin): bool {
    return this.name != null && this.name == other.name;
  }

  /** The plugin is gone; its streams are too. What it leaves is for `heir`. */
  destroy(heir: Plugin | null): void {
    let following: Configuration | null = null;
    if (heir != null) following = heir.configuration;
    stop(this.configuration, following);
    this.configuration.release();
    if (heir == null) return;
    host.setEffectiveContext(heir.id);
    heir.setTickPeriod();
  }
}

/** What is in force from now on, for those who look after many proxies. */
function tell(configuration: Configuration, hash: i64, rejected: i32, prefix: string): void {
  const rules = configuration.ruleCount;
  log(
    LogLevel.Info,
    prefix + "configuration " + hash.toString() + " is in force, " + counted(rules, "rule"),
  );
  word.reset();
  writeWord(fromString(pluginName(), scratch), word);
  const name = "ruleway.configuration." + toString(word.view());
  setGauge(name + ".hash", hash);
  setGauge(name + ".rules", rules);
  setGauge(name + ".rejected_rules", rejected);
}

function start(configuration: Configuration): void {
  const now = host.milliseconds();
  const periodics = configuration.periodics;
  for (let i = 0; i < periodics.length; i++) periodics[i].start(now);
}

function stop(configuration: Configuration, following: Configuration | null): void {
  const periodics = configuration.periodics;
  for (let i = 0; i < periodics.length; i++) periodics[i].stop(following);
}

/** Tells the host, if it knows how (Higress), how many requests to begin in one cycle of its event loop. */
function limitCycles(n: i32): void {
  const argument = scratch.allocate(8);
  if (argument == 0) return;
  store<u64>(argument, n);
  const name = fromText("set_global_max_requests_per_io_cycle", scratch);
  host.callForeign(name, span(argument, 8));
}

/** Good versions of rules by plugin name: a proxy makes a new context for each configuration, so they
 * live as long as the VM. */
const lastGood: Map<string, LastGood> = new Map<string, LastGood>();

function lastGoodOf(name: string): LastGood {
  if (!lastGood.has(name)) lastGood.set(name, new Map<string, string>());
  return lastGood.get(name);
}

function counted(n: i32, what: string): string {
  return n.toString() + " " + what + (n == 1 ? "" : "s");
}

function empty(): Configuration {
  const configuration = new Configuration();
  configuration.use();
  return configuration;
}

function log(level: LogLevel, text: string): void {
  host.log(level, fromString(text, scratch));
}
