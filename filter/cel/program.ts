// Compiled code for the machine: instructions of 12 bytes { op: u16, a: u16, b: u32, place: u32 }, the
// constants they refer to, compiled patterns, and where a failure inside a stretch of code goes on.

import { Arena } from "../bytes/arena";
import { address } from "../bytes/span";
import { copy } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { Regex, Template } from "../regex";
import { VALUE_SIZE, Value } from "./value";

export const enum Op {
  /** The value on top is the result. */
  Return,
  /** Pushes constant b. */
  Constant,
  /** Pushes what the activation reads for slot b. */
  Attribute,
  /** Pushes whether it is there. */
  Present,
  /** Pushes local a. */
  Local,
  /** Pops to local a. */
  Store,
  /** Top: its member constant b; as an optional when a is 1. */
  Select,
  /** Top: whether it has the member constant b. */
  Has,
  /** Pops an index; top: the element; as an optional when a is 1. */
  Index,
  /** Goes to b. */
  Jump,
  /** Pops a condition; goes to b when it is false. */
  JumpUnless,
  /** Top decides already: goes to b with it; else it stays for the right side. */
  AndLeft,
  OrLeft,
  /** Pops the right side; top becomes what both sides say. */
  AndRight,
  OrRight,
  /** Pops one or two operands of function a; pushes the result. */
  Negate,
  Not,
  Operator,
  /** Pops a arguments of function b; pushes the result. */
  Call,
  /** The same with pattern or template b, compiled beforehand; a is the function. */
  CallRegex,
  /** Pushes an empty list or map with room for b. */
  StartList,
  StartMap,
  /** Pops an element, a key and a value; into the container on top. a: it is an optional. */
  Append,
  Insert,
  /** Pops a list or map; locals a and a + 1 walk through it. */
  Iterate,
  /** Local a + 2 (and a + 3) become the next element, key, index; goes to b after the last. */
  Next,
  NextPair,
  /** Local a is an empty list with room for as many as the walk of local b has. */
  StartListFor,
  StartMapFor,
  /** Pops a condition into the answer in local a; goes to b when that decides it. */
  AllStep,
  ExistsStep,
  ExistsOneStep,
  /** Pops a condition; if true, appends local b to the list in local a. */
  FilterStep,
  /** Pops a value, appends it to the list in local a. */
  AppendTo,
  /** Pops a value, puts it into the map in local a under the key in local b. */
  InsertTo,
  /** Pushes the answer in local a: of all, exists; of exists_one. */
  Answer,
  AnswerOne,
  /** Top is a list of maps: becomes one map of all their entries. */
  Merge,
  /** Pops an optional: its value to local a, or, without one, pushes it again and goes to b. */
  Unwrap,
  /** Top becomes an optional of itself. */
  Wrap,
  /** Top must be an optional. */
  ExpectOptional,
  /** Top is an optional with a value: goes to b, with the value itself when a is 1; else pops it. */
  OrElse,
  /** Top is anything but nothing: goes to b, with an optional's value itself when a is 1; else pops it. */
  Default,
  /** Fails with a. */
  Fail,
}

export const INSTRUCTION_SIZE: i32 = 12;

/** Values on the machine's stack: locals and operands. */
export const MAX_STACK: i32 = 1000;

@final
export class Handler {
  constructor(
    readonly from: i32,
    readonly to: i32,
    readonly target: i32,
    /** Values on the stack when the failure is pushed. */
    readonly depth: i32,
  ) {}
}

@final
export class Program {
  /** Address of the instructions. */
  code: usize = 0;
  /** Instructions. */
  size: i32 = 0;
  constants: usize = 0;
  constantCount: i32 = 0;
  locals: i32 = 0;
  /** Values on the stack at most, locals included. */
  stack: i32 = 0;
  /** Innermost first. */
  readonly handlers: Handler[] = [];
  readonly patterns: Regex[] = [];
  readonly templates: (Template | null)[] = [];

  constant(i: i32): Value {
    return Value.at(this.constants + i * VALUE_SIZE);
  }

  /** The one that takes a failure at instruction `i`, or -1. */
  handlerAt(i: i32): i32 {
    const handlers = this.handlers;
    for (let h = 0, n = handlers.length; h < n; h++) {
      const handler = unchecked(handlers[h]);
      if (i >= handler.from && i < handler.to) return h;
    }
    return -1;
  }

  /** It is one constant and nothing else. */
  get isConstant(): bool {
    return this.size == 2 && load<u16>(this.code) == Op.Constant;
  }

  /** It is one attribute and nothing else: its slot, else -1. */
  get attribute(): i32 {
    return this.size == 2 && load<u16>(this.code) == Op.Attribute ? load<i32>(this.code, 4) : -1;
  }
}

/** Instructions and constants while they are being written. */
@final
export class Assembly {
  readonly words: u32[] = []; // three for each instruction
  readonly program: Program = new Program();
  private readonly constants: Writer = Writer.create();

  get size(): i32 {
    return this.words.length / 3;
  }

  get constantCount(): i32 {
    return (this.constants.size as i32) / VALUE_SIZE;
  }

  emit(op: Op, a: i32, b: i32, place: i32): i32 {
    this.words.push((op as u32) | ((a as u32) << 16));
    this.words.push(b);
    this.words.push(place);
    return this.size - 1;
  }

  /** The instruction at `i` goes to the next one to be written. */
  land(i: i32): void {
    this.words[i * 3 + 1] = this.size;
  }

  constant(value: Value): i32 {
    this.constants.bytes(changetype<usize>(value), VALUE_SIZE);
    return this.constantCount - 1;
  }

  constantAt(i: i32): Value {
    return Value.at(this.constants.base + i * VALUE_SIZE);
  }

  /** Whether the code from instruction `start` on pushes a constant and does nothing else. */
  isConstantFrom(start: i32): bool {
    return this.size == start + 1 && (this.words[start * 3] & 0xffff) == Op.Constant;
  }

  /** Forgets what was written beyond these numbers. */
  truncate(size: i32, handlers: i32, constants: i32): void {
    this.words.length = size * 3;
    this.program.handlers.length = handlers;
    this.constants.size = constants * VALUE_SIZE;
  }

  /** The program as it stands, of which only what begins at `start` can be run; until the next write. */
  trial(start: i32, arena: Arena): Program | null {
    const program = this.program;
    const code = this.layOut(start, arena);
    if (code == 0) return null;
    program.code = code - start * INSTRUCTION_SIZE;
    program.size = this.size;
    program.constants = this.constants.base;
    return program;
  }

  /** The finished program in `arena`; null without memory. Nothing can be written any more. */
  finish(arena: Arena): Program | null {
    const program = this.program;
    program.size = this.size;
    program.code = this.layOut(0, arena);
    program.constantCount = this.constantCount;
    program.constants = address(copy(this.constants.view(), arena));
    const failed = this.constants.failed;
    this.constants.destroy();
    return program.code == 0 || program.constants == 0 || failed ? null : program;
  }

  private layOut(start: i32, arena: Arena): usize {
    const from = start * 3;
    const base = arena.allocate((this.words.length - from) * 4);
    if (base == 0) return 0;
    memory.copy(base, this.words.dataStart + from * 4, (this.words.length - from) * 4);
    return base;
  }
}
