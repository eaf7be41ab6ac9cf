// Decodes `tasks`: what the proxy does by itself.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { byteAtUnchecked, equal, length, NONE, Span, sliceUnchecked } from "../bytes/span";
import { copy, fromText, toString } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { fingerprintOf } from "../json/fingerprint";
import { Kind, NO_NODE } from "../json/tape";
import { Phase } from "../rules/name";
import * as quantity from "../rules/quantity";
import { Lease } from "../stream/lease";
import { Configuration, Program, Rule } from "../stream/program";
import { Task } from "../stream/task";
import { Context } from "./context";
import { StepDecoder } from "./steps";

const SHORTEST_PERIOD: i64 = 100;

const key = Writer.create();

@final
export class TaskDecoder {
  variableCount: i32 = 0;
  callCount: i32 = 0;
  private readonly names: Span[] = [];

  constructor(
    private readonly context: Context,
    private readonly steps: StepDecoder,
    private readonly configuration: Configuration,
  ) {}

  /** Adds the tasks of the list that are right to what the configuration does; answers their nodes. */
  decode(list: i32): i32[] {
    const tape = this.context.tape;
    const nodes: i32[] = [];
    const stop = tape.after(list);
    for (let node = tape.firstChild(list); node < stop; node = tape.after(node)) {
      nodes.push(node);
      if (tape.kind(node) == Kind.Object && !this.context.report.hasIn(node)) this.add(node);
    }
    return nodes;
  }

  private add(node: i32): void {
    const context = this.context;
    context.begin();
    context.phase = Phase.Task;
    const name = this.name(context.member(node, "name"));
    const everyNode = context.member(node, "every");
    const every: i64 = context.duration(everyNode);
    if (every > 0 && every < SHORTEST_PERIOD)
      context.report.add(everyNode, "R308", -1, "a task runs every 100ms at the most");
    const jitterNode = context.member(node, "jitter");
    const jitter = jitterNode == NO_NODE ? 0 : this.jitter(jitterNode, every);
    context.owner = name;
    const rule = new Rule();
    rule.name = name;
    rule.request = this.steps.decode(node, "steps", Phase.Task);
    if (context.report.hasIn(node)) return;
    const program = new Program();
    program.rules = [rule];
    program.variableCount = this.variableCount;
    program.callCount = this.callCount;
    const startsAtOnce = context.isTrue(node, "onStart");
    const now = host.milliseconds();
    const task = new Task(name, this.configuration, program, every, jitter, startsAtOnce, now);
    if (context.isTrue(node, "leader")) {
      const rules = fingerprintOf(context.tape, 0, scratch);
      const latest = every + jitter;
      const key = this.leaseKey(name);
      task.lease = new Lease(key, this.configuration, rules, every, latest, startsAtOnce);
    }
    this.configuration.periodics.push(task);
  }

  private name(node: i32): Span {
    const name = this.context.text(node);
    for (let i = 0; i < this.names.length; i++) {
      if (equal(this.names[i], name))
        this.context.report.add(
          node,
          "R318",
          -1,
          'another task is named "' + toString(name) + '" too',
        );
    }
    this.names.push(name);
    return name;
  }

  /** Milliseconds, of a duration or a percentage of `every`. */
  private jitter(node: i32, every: i64): i64 {
    const text = this.context.tape.text(node, scratch);
    const n = length(text);
    let jitter: i64 = quantity.INVALID;
    if (n > 1 && byteAtUnchecked(text, n - 1) == 0x25) {
      const percent = quantity.size(sliceUnchecked(text, 0, n - 1));
      if (percent >= 0 && percent <= 100) jitter = (every * percent) / 100;
    } else {
      jitter = quantity.duration(text);
    }
    if (jitter < 0 || jitter > every) {
      const message = "jitter is a duration, or such as 10%, and not more than every";
      this.context.report.add(node, "R308", -1, message);
    }
    return jitter;
  }

  /** By plugin, so that two of one VM do not meet. */
  private leaseKey(name: Span): Span {
    key.reset();
    key.text("ruleway:");
    addProperty("plugin_name");
    key.text(":task:");
    addProperty("plugin_root_id");
    key.byte(0x3a);
    key.span(name);
    return copy(key.view(), this.context.arena);
  }
}

function addProperty(name: string): void {
  const value = host.property(fromText(name, scratch), scratch);
  if (value != NONE) key.span(value);
}
