// What is wrong with a configuration: all of it, each problem with its place. The lines are the only
// feedback that a user of a console has, and what the compiler maps back to the YAML:
//
//   ruleway: config error R301 "/rules/0/request/0/path" +12: unknown name "reqest", did you …
//
// a code, the JSON Pointer as a JSON string, `+N` for a byte offset inside that string value (`@N`
// inside its key), text.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { LogLevel } from "../abi/numbers";
import { fromString } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { Kind, Tape } from "../json/tape";
import { writeString } from "../json/write";
import * as problem from "../rules/problem";

/** More problems than this are counted, not listed. */
const MAX_LISTED: i32 = 200;

@final
export class Report {
  private readonly lines: string[] = [];
  private readonly nodes: i32[] = [];
  private total: i32 = 0;

  constructor(private readonly tape: Tape) {}

  get count(): i32 {
    return this.total;
  }

  /** Adds a problem at a value or key of the tape; `offset` is inside its text, or -1. */
  add(node: i32, code: string, offset: i32, message: string): void {
    this.total++;
    if (this.lines.length == MAX_LISTED) return;
    pointer.reset();
    this.tape.writePointer(node, pointer, scratch);
    this.push(node, code, offset, message);
  }

  /** Adds the problem that a compiling function has noted. */
  addNoted(node: i32): void {
    this.add(node, problem.code, problem.offset, problem.message);
  }

  /** Adds a problem of the document as a whole, at a byte offset. */
  addSyntax(code: string, offset: i32, message: string): void {
    this.total++;
    pointer.reset();
    this.push(-1, code, offset, message);
  }

  private push(node: i32, code: string, offset: i32, message: string): void {
    line.reset();
    writeString(pointer.view(), line);
    const place = String.UTF8.decodeUnsafe(line.base, line.size);
    const isKey = node >= 0 && this.tape.kind(node) == Kind.Key;
    const at = offset >= 0 ? (isKey ? " @" : " +") + offset.toString() : "";
    this.lines.push(code + " " + place + at + ": " + message);
    this.nodes.push(node);
  }

  /** Whether a problem lies in the subtree. */
  hasIn(node: i32): bool {
    const stop = this.tape.after(node);
    for (let i = 0; i < this.nodes.length; i++) {
      if (this.nodes[i] >= node && this.nodes[i] < stop) return true;
    }
    return false;
  }

  /** Whether a problem lies outside all of these subtrees (or was not listed). */
  hasOutside(roots: i32[]): bool {
    if (this.total > this.lines.length) return true;
    for (let i = 0; i < this.nodes.length; i++) {
      let inside = false;
      for (let j = 0; j < roots.length; j++) {
        if (this.nodes[i] >= roots[j] && this.nodes[i] < this.tape.after(roots[j])) inside = true;
      }
      if (!inside) return true;
    }
    return false;
  }

  /** Writes the lines to the host's log. */
  log(prefix: string, level: LogLevel): void {
    for (let i = 0; i < this.lines.length; i++) {
      host.log(level, fromString(prefix + "config error " + this.lines[i], scratch));
    }
    const more = this.total - this.lines.length;
    if (more > 0) {
      const text = prefix + "and " + more.toString() + " more config errors";
      host.log(level, fromString(text, scratch));
    }
  }
}

const pointer = Writer.create();
const line = Writer.create();
