// Commands as clients send them: an array of bulk strings (RESP 2).

import { length, Span } from "../bytes/span";
import { Writer } from "../bytes/writer";

/** Begins a command of so many words. */
export function writeHead(words: i32, out: Writer): void {
  out.byte(0x2a);
  out.integer(words);
  out.text("\r\n");
}

export function writeWord(word: Span, out: Writer): void {
  out.byte(0x24);
  out.integer(length(word));
  out.text("\r\n");
  out.span(word);
  out.text("\r\n");
}
