// What each rule of a configuration that was taken will do with bodies, headers and callouts, as it
// was decoded: a line of JSON for each, for those who look for it (`ruleway plan` does), at the level debug:
//
//   ruleway: plan {"rule":"/rules/0","name":"orders","limits":[-1,-1],…}
//
// and for each task what it is: {"every":15000,"task":"refresh","jitter":0,"leader":true,"steps":[…]}. Members
// that are false are left out; -1 is no limit.

import * as host from "../abi/host";
import { LogLevel } from "../abi/numbers";
import { Writer } from "../bytes/writer";
import { Decoder } from "../inflate/index";
import { unkeyed } from "../match/index";
import { Condition } from "../rules/match";
import { Demand } from "../rules/name";
import { READ_LIMIT } from "../stream/body-pipe";
import { flag, key, number, text } from "../stream/description";
import { Configuration, Program, Step } from "../stream/program";

const line = Writer.create();

export function logPlan(configuration: Configuration, prefix: string): void {
  if (host.logLevel() > LogLevel.Debug) return;
  planProgram(configuration.global, prefix);
  for (let i = 0; i < configuration.entries.length; i++) {
    planProgram(configuration.entries[i].program, prefix);
  }
  const periodics = configuration.periodics;
  for (let i = 0; i < periodics.length; i++) {
    line.reset();
    line.text(prefix);
    line.text("plan ");
    const before = line.size;
    periodics[i].describe(line);
    if (line.size == before) continue;
    writeSteps("steps", periodics[i].steps);
    line.byte(0x7d);
    host.log(LogLevel.Debug, line.view());
  }
}

function planProgram(program: Program | null, prefix: string): void {
  if (program == null) return;
  const rules = program.rules;
  const conditions = new StaticArray<Condition | null>(rules.length);
  for (let i = 0; i < rules.length; i++) conditions[i] = rules[i].condition;
  const asked = unkeyed(conditions);
  let nextAsked = 0; // of `asked`, which is in the order of the rules
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i];
    const isAsked = nextAsked < asked.length && asked[nextAsked] == i;
    if (isAsked) nextAsked++;
    // Inherited ones are planned where they stand.
    if (i < program.inherited) continue;
    line.reset();
    line.text(prefix);
    line.text('plan {"rule":"');
    line.text(program.place);
    line.byte(0x2f);
    line.integer(rule.place);
    line.byte(0x22);
    text(line, "name", rule.name);
    flag(line, "asked", isAsked || rule.condition == null);
    flag(line, "holdsHeaders", program.holdsHeaders);
    writePair("limits", program.requestLimit, program.responseLimit);
    writePair("ownLimits", rule.requestLimit, rule.responseLimit);
    if (rule.whenReadsBody) number(line, "whenReadsBody", rule.whenPhase);
    flag(line, "asksForAll", (rule.demands & Demand.WholeResponse) != 0);
    number(line, "accept", rule.accept);
    number(line, "decoder", Decoder.bytes());
    number(line, "readLimit", max(READ_LIMIT, rule.formLimit));
    writeSteps("request", rule.request);
    writeSteps("response", rule.response);
    writeSteps("done", rule.done);
    line.byte(0x7d);
    host.log(LogLevel.Debug, line.view());
  }
}

function writePair(name: string, a: i64, b: i64): void {
  key(line, name);
  line.byte(0x5b);
  line.integer(a);
  line.byte(0x2c);
  line.integer(b);
  line.byte(0x5d);
}

function writeSteps(name: string, steps: StaticArray<Step>): void {
  key(line, name);
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i];
    line.byte(i == 0 ? 0x5b : 0x2c);
    line.text('{"step":');
    line.integer(i);
    flag(line, "conditional", step.when != null);
    flag(line, "whenReadsBody", step.whenReadsBody);
    flag(line, "readsBody", step.readsBody);
    flag(line, "judgesBody", step.judgesBody);
    number(line, "onFailure", step.onFailure);
    step.describe(line);
    line.byte(0x7d);
  }
  line.text(steps.length == 0 ? "[]" : "]");
}
