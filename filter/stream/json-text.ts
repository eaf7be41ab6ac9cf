// A text as JSON, parsed when somebody first asks and kept until it becomes another one.

import { Arena } from "../bytes/arena";
import { length, Span } from "../bytes/span";
import { Failure, Value } from "../cel/index";
import { Tape } from "../json/tape";

/** Nesting of what expressions read. */
export const MAX_JSON_DEPTH: i32 = 200;

@final
export class JsonText {
  private tape: Tape | null = null;
  private isParsed: bool = false;

  /** The text, which is the same until `forget`; null when it is no JSON. */
  of(text: Span): Tape | null {
    if (this.isParsed) return this.tape;
    this.isParsed = true;
    const tape = Tape.create();
    if (tape.parse(text, MAX_JSON_DEPTH)) this.tape = tape;
    else tape.destroy();
    return this.tape;
  }

  /** The same in `out`: absent when the text is empty, a failure when it is no JSON. */
  read(text: Span, out: Value, arena: Arena): void {
    if (length(text) == 0) {
      out.setAbsent();
      return;
    }
    const tape = this.of(text);
    if (tape != null) out.setJson(tape, 0, arena);
    else out.setFailure(Failure.BadJson);
  }

  /** Gives back what it took. */
  forget(): void {
    const tape = this.tape;
    if (tape != null) tape.destroy();
    this.tape = null;
    this.isParsed = false;
  }
}
