// A compiled JSON Schema. It is made when rules are configured, and judges documents from then on.
//
//   const schema = Schema.compile(text, true, arena); // null: see problems()
//   switch (judge(schema, tape, arena)) { case Verdict.Invalid: … failure() … }

import { Arena } from "../bytes/arena";
import { NONE, Span } from "../bytes/span";
import { copy } from "../bytes/text";
import { Tape } from "../json/tape";
import { Regex } from "../regex/index";
import { Compiler } from "./compile";
import * as problem from "./problem";

/** As configurations are. */
const MAX_DEPTH: i32 = 64;

@final
export class Schema {
  /** The schema's own text, for `const` and `enum`. */
  readonly tape: Tape = Tape.create();
  regexes: StaticArray<Regex> = [];
  /** By subschema: the address of its first instruction, and the number of its resource. */
  starts: usize = 0;
  resources: usize = 0;
  anchors: usize = 0;
  /** Whether it has `unevaluatedItems` or `unevaluatedProperties`, and `$dynamicRef`. */
  tracks: bool = false;
  isDynamic: bool = false;

  private constructor() {}

  /** Compiles the text, valid JSON, which is copied into `arena`; null when something is wrong.
   * With `assertsFormats`, `format` is judged, else it says nothing. Whoever has it calls
   * `destroy`. */
  static compile(text: Span, assertsFormats: bool, arena: Arena): Schema | null {
    problem.clear();
    const schema = new Schema();
    const kept = copy(text, arena);
    if (kept == NONE || !schema.tape.parse(kept, MAX_DEPTH)) {
      problem.add(0, "too large, or nested too deep");
      schema.destroy();
      return null;
    }
    const compiler = Compiler.of(schema.tape, arena, assertsFormats);
    compiler.run();
    if (problem.all().length == 0 && !schema.take(compiler)) problem.add(0, "too large");
    if (problem.all().length == 0) return schema;
    schema.destroy();
    return null;
  }

  private take(compiler: Compiler): bool {
    this.tracks = compiler.usesUnevaluated;
    this.isDynamic = compiler.usesDynamic;
    this.anchors = compiler.anchorTable();
    this.resources = compiler.resourceTable();
    this.starts = compiler.link();
    this.regexes = StaticArray.fromArray(compiler.regexes);
    return this.starts != 0 && this.anchors != 0 && this.resources != 0;
  }

  destroy(): void {
    this.tape.destroy();
  }
}
