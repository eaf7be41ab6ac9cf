// What is worth knowing of a configuration that is taken: rules that every request is asked for, since
// nothing in their match can be looked up. Only for those who look for it, as the compiler does: the
// lines have the form of config errors (report.ts) and the level debug.

import * as host from "../abi/host";
import { LogLevel } from "../abi/numbers";
import { Writer } from "../bytes/writer";
import { unkeyed } from "../match/index";
import { Condition } from "../rules/match";
import { Configuration, Program } from "../stream/program";

/** More than this are counted, not listed. */
const MAX_LISTED: i32 = 50;

const line = Writer.create();

export function logNotes(configuration: Configuration, prefix: string): void {
  if (host.logLevel() > LogLevel.Debug) return;
  let total = noteProgram(configuration.global, prefix, 0);
  for (let i = 0; i < configuration.entries.length; i++) {
    total = noteProgram(configuration.entries[i].program, prefix, total);
  }
  if (total <= MAX_LISTED) return;
  const list = configuration.global != null ? "/rules" : "/_rules_";
  write(
    prefix,
    list,
    -1,
    (total - MAX_LISTED).toString() + " more rules are asked on every request",
  );
}

/** How many there are, those before it included. */
function noteProgram(program: Program | null, prefix: string, before: i32): i32 {
  if (program == null) return before;
  const rules = program.rules;
  const conditions = new StaticArray<Condition | null>(rules.length);
  for (let i = 0; i < rules.length; i++) conditions[i] = rules[i].condition;
  const places = unkeyed(conditions);
  let total = before;
  for (let i = 0; i < places.length; i++) {
    // Inherited ones are noted where they stand.
    if (places[i] < program.inherited || total++ >= MAX_LISTED) continue;
    const message = "asked on every request: nothing in this match can be looked up";
    write(prefix, program.place, rules[places[i]].place, message);
  }
  return total;
}

function write(prefix: string, list: string, index: i32, message: string): void {
  line.reset();
  line.text(prefix);
  line.text('config note N601 "');
  line.text(list);
  if (index >= 0) {
    line.byte(0x2f);
    line.integer(index);
    line.text("/match");
  }
  line.text('": ');
  line.text(message);
  host.log(LogLevel.Debug, line.view());
}
