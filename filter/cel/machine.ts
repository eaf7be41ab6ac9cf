// Runs compiled expressions. One stack of values in memory, no managed allocation, no recursion; a
// failure goes on at the handler around it, or ends the run. See program.ts for what the instructions do.

import { Arena } from "../bytes/arena";
import { charge, isSpent, READ_COST } from "./budget";
import { Activation, enter } from "./context";
import { Failure } from "./failure";
import { Fn } from "./functions";
import { failureOf, presenceOf, readElement, readMember, settle } from "./lazy";
import * as library from "./library/index";
import { callPattern } from "./library/patterns";
import * as operators from "./operators";
import { INSTRUCTION_SIZE, MAX_STACK, Op, Program } from "./program";
import {
  countOf,
  elementOf,
  find,
  insert,
  isKey,
  Kind,
  keyOf,
  OPEN,
  OPEN_TO_LISTS,
  push,
  setOptional,
  startList,
  startMap,
  VALUE_SIZE,
  Value,
  valueOf,
} from "./value";

const STACK: usize = heap.alloc((MAX_STACK + 2) * VALUE_SIZE);

/** Why the last run failed, and where in the source. */
export let failure: Failure = Failure.None;
export let place: i32 = 0;

/** For who has read a value without a program, or has no use for the one it gave: that it failed. */
export function failWith(why: Failure, at: i32): void {
  failure = why;
  place = at;
}

/** Runs the program from instruction `start` on; new values are made in `arena`. False when it fails:
 * see `failure` and `place`. Whoever calls has filled the budget. */
export function run(
  program: Program,
  start: i32,
  activation: Activation | null,
  arena: Arena,
  out: Value,
): bool {
  enter(arena, activation);
  const code = program.code;
  const constants = program.constants;
  const operands = STACK + program.locals * VALUE_SIZE;
  let pc = code + start * INSTRUCTION_SIZE;
  let top = operands - VALUE_SIZE; // address of the value on top
  while (true) {
    const a = load<u16>(pc, 2) as i32;
    const b = load<i32>(pc, 4);
    let wrong = Failure.None;
    // A case for each instruction, none for two: only so the switch is one table of jumps.
    switch (load<u16>(pc) as Op) {
      case Op.Return:
        // What was cut short when the budget ended is no answer.
        if (isSpent()) {
          wrong = Failure.Budget;
          break;
        }
        out.copyFrom(Value.at(top));
        return true;
      case Op.Constant:
        top += VALUE_SIZE;
        Value.at(top).copyFrom(Value.at(constants + b * VALUE_SIZE));
        break;
      case Op.Attribute:
        top += VALUE_SIZE;
        if (activation == null) {
          wrong = Failure.NoSuchAttribute;
        } else if (!charge(READ_COST)) {
          wrong = Failure.Budget;
        } else {
          const value = Value.at(top);
          activation.read(b, value);
          if (value.kind == Kind.Error) wrong = value.aux as Failure;
        }
        break;
      case Op.Present:
        top += VALUE_SIZE;
        if (activation == null) {
          wrong = Failure.NoSuchAttribute;
        } else if (!charge(READ_COST)) {
          wrong = Failure.Budget;
        } else {
          const value = Value.at(top);
          activation.read(b, value);
          wrong = presenceOf(value);
        }
        break;
      case Op.Local: {
        const local = STACK + a * VALUE_SIZE;
        top += VALUE_SIZE;
        Value.at(top).copyFrom(Value.at(local));
        if (Value.at(local).kind == Kind.Error) wrong = Value.at(local).aux as Failure;
        break;
      }
      case Op.Store:
        local(a).copyFrom(Value.at(top));
        top -= VALUE_SIZE;
        break;
      case Op.Select:
        wrong = select(Value.at(top), Value.at(constants + b * VALUE_SIZE), a != 0, arena);
        break;
      case Op.Has:
        wrong = has(Value.at(top), Value.at(constants + b * VALUE_SIZE));
        break;
      case Op.Index:
        top -= VALUE_SIZE;
        wrong = index(Value.at(top), Value.at(top + VALUE_SIZE), a != 0, arena);
        break;
      case Op.Jump:
        pc = code + b * INSTRUCTION_SIZE;
        continue;
      case Op.JumpUnless: {
        const condition = Value.at(top);
        top -= VALUE_SIZE;
        if (condition.kind != Kind.Bool) {
          wrong = Failure.NoSuchOverload;
        } else if (condition.bits == 0) {
          pc = code + b * INSTRUCTION_SIZE;
          continue;
        }
        break;
      }
      case Op.AndLeft: {
        const left = Value.at(top);
        if (left.kind == Kind.Bool && left.bits == 0) {
          pc = code + b * INSTRUCTION_SIZE;
          continue;
        }
        break;
      }
      case Op.OrLeft: {
        const left = Value.at(top);
        if (left.kind == Kind.Bool && left.bits != 0) {
          pc = code + b * INSTRUCTION_SIZE;
          continue;
        }
        break;
      }
      case Op.AndRight:
        top -= VALUE_SIZE;
        wrong = join(Value.at(top), Value.at(top + VALUE_SIZE), 0, a != 0);
        break;
      case Op.OrRight:
        top -= VALUE_SIZE;
        wrong = join(Value.at(top), Value.at(top + VALUE_SIZE), 1, a != 0);
        break;
      case Op.Negate:
        wrong = operators.negate(Value.at(top));
        break;
      case Op.Not: {
        const value = Value.at(top);
        if (value.kind != Kind.Bool) wrong = Failure.NoSuchOverload;
        else value.bits ^= 1;
        break;
      }
      case Op.Operator:
        top -= VALUE_SIZE;
        wrong = operators.apply(a as Fn, Value.at(top), Value.at(top + VALUE_SIZE));
        break;
      case Op.Call:
        top -= (a - 1) * VALUE_SIZE;
        if (!charge(1)) wrong = Failure.Budget;
        else wrong = library.call(b as Fn, top, a);
        break;
      case Op.CallRegex: {
        const n = a >> 12;
        top -= (n - 1) * VALUE_SIZE;
        wrong = callPattern(
          (a & 0xfff) as Fn,
          unchecked(program.patterns[b]),
          unchecked(program.templates[b]),
          top,
          n,
        );
        break;
      }
      case Op.StartList:
        top += VALUE_SIZE;
        if (!startList(Value.at(top), b, arena)) wrong = Failure.Memory;
        break;
      case Op.StartMap:
        top += VALUE_SIZE;
        if (!startMap(Value.at(top), b, arena)) wrong = Failure.Memory;
        break;
      case Op.Append:
        top -= VALUE_SIZE;
        wrong = append(Value.at(top), Value.at(top + VALUE_SIZE), a != 0);
        break;
      case Op.Insert:
        top -= 2 * VALUE_SIZE;
        wrong = put(
          Value.at(top),
          Value.at(top + VALUE_SIZE),
          Value.at(top + 2 * VALUE_SIZE),
          a != 0,
        );
        break;
      case Op.Iterate:
        wrong = iterate(Value.at(top), STACK + a * VALUE_SIZE, b != 0);
        top -= VALUE_SIZE;
        break;
      case Op.Next:
        if (!charge(1)) {
          wrong = Failure.Budget;
        } else if (!step(STACK + a * VALUE_SIZE, false)) {
          pc = code + b * INSTRUCTION_SIZE;
          continue;
        }
        break;
      case Op.NextPair:
        if (!charge(1)) {
          wrong = Failure.Budget;
        } else if (!step(STACK + a * VALUE_SIZE, true)) {
          pc = code + b * INSTRUCTION_SIZE;
          continue;
        }
        break;
      case Op.StartListFor:
        if (!startList(Value.at(STACK + a * VALUE_SIZE), countOf(local(b)), arena))
          wrong = Failure.Memory;
        break;
      case Op.StartMapFor:
        if (!startMap(Value.at(STACK + a * VALUE_SIZE), countOf(local(b)), arena))
          wrong = Failure.Memory;
        break;
      case Op.AllStep:
        top -= VALUE_SIZE;
        if (decides(local(a), Value.at(top + VALUE_SIZE), 0, load<i32>(pc, 8))) {
          pc = code + b * INSTRUCTION_SIZE;
          continue;
        }
        break;
      case Op.ExistsStep:
        top -= VALUE_SIZE;
        if (decides(local(a), Value.at(top + VALUE_SIZE), 1, load<i32>(pc, 8))) {
          pc = code + b * INSTRUCTION_SIZE;
          continue;
        }
        break;
      case Op.ExistsOneStep: {
        const said = Value.at(top);
        top -= VALUE_SIZE;
        if (said.kind != Kind.Bool) wrong = Failure.NoSuchOverload;
        else local(a).bits += said.bits;
        break;
      }
      case Op.FilterStep: {
        const said = Value.at(top);
        top -= VALUE_SIZE;
        if (said.kind != Kind.Bool) wrong = Failure.NoSuchOverload;
        else if (said.bits != 0) push(local(a)).copyFrom(local(b));
        break;
      }
      case Op.AppendTo:
        push(local(a)).copyFrom(Value.at(top));
        top -= VALUE_SIZE;
        break;
      case Op.InsertTo: {
        const value = insert(local(a), local(b));
        if (value == null) wrong = Failure.RepeatedKey;
        else value.copyFrom(Value.at(top));
        top -= VALUE_SIZE;
        break;
      }
      case Op.Answer: {
        const answer = local(a);
        top += VALUE_SIZE;
        Value.at(top).copyFrom(answer);
        if (answer.kind == Kind.Error) wrong = answer.aux as Failure;
        break;
      }
      case Op.AnswerOne:
        top += VALUE_SIZE;
        Value.at(top).setBool(local(a).bits == 1);
        break;
      case Op.Merge:
        wrong = merge(Value.at(top), arena);
        break;
      case Op.Unwrap: {
        const value = Value.at(top);
        if (value.kind != Kind.Optional) {
          wrong = Failure.NoSuchOverload;
        } else if (value.bits == 0) {
          pc = code + b * INSTRUCTION_SIZE;
          continue;
        } else {
          local(a).copyFrom(Value.at(value.bits as usize));
          top -= VALUE_SIZE;
        }
        break;
      }
      case Op.Wrap:
        if (!setOptional(Value.at(top), Value.at(top), arena)) wrong = Failure.Memory;
        break;
      case Op.ExpectOptional:
        if (Value.at(top).kind != Kind.Optional) wrong = Failure.NoSuchOverload;
        break;
      case Op.OrElse: {
        const value = Value.at(top);
        if (value.kind != Kind.Optional) {
          wrong = Failure.NoSuchOverload;
        } else if (value.bits != 0) {
          if (a != 0) value.copyFrom(Value.at(value.bits as usize));
          pc = code + b * INSTRUCTION_SIZE;
          continue;
        } else {
          top -= VALUE_SIZE;
        }
        break;
      }
      case Op.Default: {
        const value = Value.at(top);
        if (value.isNull) {
          top -= VALUE_SIZE;
          break;
        }
        if (a != 0 && value.kind == Kind.Optional) value.copyFrom(Value.at(value.bits as usize));
        pc = code + b * INSTRUCTION_SIZE;
        continue;
      }
      case Op.Fail:
        wrong = a as Failure;
        break;
      default:
        unreachable();
    }
    if (wrong == Failure.None) {
      pc += INSTRUCTION_SIZE;
      continue;
    }
    // The failure goes to the handler around it, unless it is one that nothing absorbs.
    if (isSpent()) wrong = Failure.Budget;
    const at = ((pc - code) / INSTRUCTION_SIZE) as i32;
    const h = wrong < Failure.Budget ? program.handlerAt(at) : -1;
    if (h < 0) {
      failure = wrong;
      place = load<i32>(pc, 8);
      return false;
    }
    const handler = unchecked(program.handlers[h]);
    const position = load<i32>(pc, 8);
    top = operands + handler.depth * VALUE_SIZE;
    setError(Value.at(top), wrong, position);
    pc = code + handler.target * INSTRUCTION_SIZE;
  }
}

function local(i: i32): Value {
  return Value.at(STACK + i * VALUE_SIZE);
}

function setError(value: Value, failure: Failure, place: i32): void {
  value.kind = Kind.Error;
  value.aux = failure;
  value.bits = place;
}

/** `left` becomes what the two say together; what is neither true nor false counts as a failure. The
 * last of a chain lets a failure go on. */
function join(left: Value, right: Value, absorbing: u64, isLast: bool): Failure {
  if (right.kind == Kind.Bool && right.bits == absorbing) {
    left.setBool(absorbing != 0);
    return Failure.None;
  }
  // Neither is absorbing: the left one was not, or it would not be here.
  if (left.kind == Kind.Bool && right.kind == Kind.Bool) return Failure.None;
  const failed = left.kind == Kind.Bool ? right : left;
  const code = failed.kind == Kind.Error ? (failed.aux as Failure) : Failure.NoSuchOverload;
  if (isLast) return code;
  setError(left, code, failed.kind == Kind.Error ? (failed.bits as i32) : 0);
  return Failure.None;
}

/** Whether what was said of one element is the answer for all; a failure is kept until one is. */
function decides(answer: Value, said: Value, decisive: u64, place: i32): bool {
  if (said.kind == Kind.Bool) {
    if (said.bits != decisive) return false;
    answer.setBool(decisive != 0);
    return true;
  }
  if (answer.kind != Kind.Error) {
    if (said.kind == Kind.Error) answer.copyFrom(said);
    else setError(answer, Failure.NoSuchOverload, place);
  }
  return false;
}

// ---- members

/** `value` becomes its member; an optional of it when asked for or when it is one itself. */
function select(value: Value, name: Value, isOptional: bool, arena: Arena): Failure {
  switch (value.kind) {
    case Kind.Map: {
      return entry(value, find(value, name), isOptional, arena);
    }
    case Kind.JsonMap:
    case Kind.Fields:
      return optionally(value, readMember(value, name.bits, value), isOptional, arena);
    case Kind.Optional:
      if (value.bits == 0) return Failure.None;
      value.copyFrom(Value.at(value.bits as usize));
      return select(value, name, true, arena);
    case Kind.Null:
      if (!value.isAbsent) return Failure.NoSuchOverload;
      return isOptional ? asOptional(value, false, arena) : Failure.None;
    default:
      return Failure.NoSuchOverload;
  }
}

function asOptional(value: Value, isThere: bool, arena: Arena): Failure {
  if (!isThere) value.set(Kind.Optional, 0);
  else if (!setOptional(value, value, arena)) return Failure.Memory;
  return Failure.None;
}

/** `map` becomes the value of its entry `i`, of which there is none when that is negative. */
function entry(map: Value, i: i32, isOptional: bool, arena: Arena): Failure {
  if (i >= 0) map.copyFrom(valueOf(map, i));
  else if (map.aux == OPEN) map.setAbsent();
  else if (map.aux == OPEN_TO_LISTS) map.setNoValues();
  else if (!isOptional) return Failure.NoSuchKey;
  const wrong = failureOf(map);
  if (wrong != Failure.None || !isOptional) return wrong;
  return asOptional(map, i >= 0, arena);
}

/** What was read from the activation or a document, as an optional where that is asked for. */
function optionally(value: Value, wrong: Failure, isOptional: bool, arena: Arena): Failure {
  if (wrong != Failure.None || !isOptional) return wrong;
  return asOptional(value, value.isThere, arena);
}

function has(value: Value, name: Value): Failure {
  switch (value.kind) {
    case Kind.Map:
      value.setBool(find(value, name) >= 0);
      return Failure.None;
    case Kind.JsonMap:
    case Kind.Fields:
      readMember(value, name.bits, value);
      return presenceOf(value);
    case Kind.Optional:
      if (value.bits == 0) {
        value.setBool(false);
        return Failure.None;
      }
      value.copyFrom(Value.at(value.bits as usize));
      return has(value, name);
    case Kind.Null:
      if (!value.isAbsent) return Failure.NoSuchOverload;
      value.setBool(false);
      return Failure.None;
    default:
      return Failure.NoSuchOverload;
  }
}

function index(value: Value, key: Value, isOptional: bool, arena: Arena): Failure {
  switch (value.kind) {
    case Kind.Map: {
      const found = isKey(key) || key.kind == Kind.Double ? find(value, key) : -1;
      return entry(value, found, isOptional, arena);
    }
    case Kind.List: {
      const at = operators.asIndex(key);
      if (at == operators.NO_INDEX) return Failure.NoSuchOverload;
      const isThere = at >= 0 && at < (countOf(value) as i64);
      if (isThere) value.copyFrom(elementOf(value, at as i32));
      else if (!isOptional) return Failure.IndexOutOfRange;
      return isOptional ? asOptional(value, isThere, arena) : Failure.None;
    }
    case Kind.JsonList: {
      const at = operators.asIndex(key);
      if (at == operators.NO_INDEX) return Failure.NoSuchOverload;
      let wrong = Failure.None;
      if (at < 0 || at > (i32.MAX_VALUE as i64)) value.setAbsent();
      else wrong = readElement(value, at as i32, value);
      return optionally(value, wrong, isOptional, arena);
    }
    case Kind.JsonMap:
    case Kind.Fields: {
      let wrong = Failure.None;
      if (key.kind != Kind.String) value.setAbsent();
      else wrong = readMember(value, key.bits, value);
      return optionally(value, wrong, isOptional, arena);
    }
    case Kind.Optional:
      if (value.bits == 0) return Failure.None;
      value.copyFrom(Value.at(value.bits as usize));
      return index(value, key, true, arena);
    case Kind.Null:
      if (!value.isAbsent) return Failure.NoSuchOverload;
      return isOptional ? asOptional(value, false, arena) : Failure.None;
    default:
      return Failure.NoSuchOverload;
  }
}

// ---- building

function append(list: Value, element: Value, isOptional: bool): Failure {
  if (!isOptional) {
    push(list).copyFrom(element);
    return Failure.None;
  }
  if (element.kind != Kind.Optional) return Failure.NoSuchOverload;
  if (element.bits != 0) push(list).copyFrom(Value.at(element.bits as usize));
  return Failure.None;
}

function put(map: Value, key: Value, value: Value, isOptional: bool): Failure {
  if (!isKey(key)) return Failure.NoSuchOverload;
  let from = value;
  if (isOptional) {
    if (value.kind != Kind.Optional) return Failure.NoSuchOverload;
    if (value.bits == 0) return Failure.None;
    from = Value.at(value.bits as usize);
  }
  const place = insert(map, key);
  if (place == null) return Failure.RepeatedKey;
  place.copyFrom(from);
  return Failure.None;
}

/** The list of maps becomes one map; a key that two of them have is an error. */
function merge(value: Value, arena: Arena): Failure {
  const maps = value.bits as usize;
  let total = 0;
  for (let i = 0, n = countOf(value); i < n; i++) {
    const one = elementOf(value, i);
    const wrong = settle(one);
    if (wrong != Failure.None) return wrong;
    if (one.kind != Kind.Map) return Failure.NoSuchOverload;
    total += countOf(one);
    if (total > 0x1000000) return Failure.Memory;
  }
  const list = Value.at(arena.allocate(VALUE_SIZE));
  if (changetype<usize>(list) == 0) return Failure.Memory;
  list.set(Kind.List, maps);
  if (!startMap(value, total, arena)) return Failure.Memory;
  for (let i = 0, n = countOf(list); i < n; i++) {
    const one = elementOf(list, i);
    for (let k = 0, m = countOf(one); k < m; k++) {
      const place = insert(value, keyOf(one, k));
      if (place == null) return Failure.RepeatedKey;
      place.copyFrom(valueOf(one, k));
    }
  }
  return Failure.None;
}

// ---- walking: local + 0 the list or map, + 1 the place, + 2 and + 3 what is there

function iterate(range: Value, walk: usize, isListOnly: bool): Failure {
  const wrong = settle(range);
  if (wrong != Failure.None) return wrong;
  if (range.kind != Kind.List && (isListOnly || range.kind != Kind.Map)) {
    return Failure.NoSuchOverload;
  }
  Value.at(walk).copyFrom(range);
  Value.at(walk + VALUE_SIZE).setInt(0);
  return Failure.None;
}

/** Moves on; false after the last. */
function step(walk: usize, isPair: bool): bool {
  const container = Value.at(walk);
  const at = Value.at(walk + VALUE_SIZE);
  const i = at.bits as i32;
  if (i >= countOf(container)) return false;
  at.bits++;
  const first = Value.at(walk + 2 * VALUE_SIZE);
  const second = Value.at(walk + 3 * VALUE_SIZE);
  if (container.kind == Kind.List) {
    if (isPair) {
      first.setInt(i);
      second.copyFrom(elementOf(container, i));
    } else {
      first.copyFrom(elementOf(container, i));
    }
  } else {
    first.copyFrom(keyOf(container, i));
    if (isPair) second.copyFrom(valueOf(container, i));
  }
  return true;
}
