// `redis`: sends one command to Redis and keeps what it says as `calls.NAME`. A command is a list of
// words, each counted on the wire, so no value from outside can become another word or another command.

import * as host from "../abi/host";
import { length, NONE, Span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { Failure, Kind, Value, writeText } from "../cel/index";
import { writeHead, writeWord } from "../resp/command";
import { Phase } from "../rules/name";
import { Absent, Template } from "../rules/template";
import { Answer } from "../stream/answer";
import * as result from "../stream/call-result";
import { Counter, count } from "../stream/counters";
import { text } from "../stream/description";
import { Exchange } from "../stream/exchange";
import { Outcome } from "../stream/program";
import { NO_COMMAND, RedisAnswer, send } from "../stream/redis-calls";
import { RedisService } from "../stream/redis-service";
import * as reply from "../stream/reply";
import { CalloutStep, NO_RESULT } from "./callout-step";

const command = Writer.create();
const word = Writer.create();
const value = Value.create();

@final
export class RedisStep extends CalloutStep {
  constructor(
    private readonly service: RedisService,
    private readonly words: StaticArray<Template>,
  ) {
    super();
  }

  run(x: Exchange): Outcome {
    const bytes = this.write(x);
    if (x.phase == Phase.Done) {
      this.sendForEffect(x, bytes);
      return Outcome.Next;
    }
    if (bytes == NONE) return this.fail(x, result.notSent);
    const name = send(this.service, bytes, x.waiter, this.timeoutMs);
    if (name == NO_COMMAND) return this.fail(x, result.notSent);
    if (x.waitBeside(name)) return Outcome.Pause;
    return this.fail(x, result.notSent);
  }

  /** Nobody waits for what a stream that is done has sent; it must outlive the stream. */
  private sendForEffect(x: Exchange, bytes: Span): void {
    host.setEffectiveContext(x.root);
    const isSent = bytes != NONE && this.service.call(bytes) != host.NO_CALL;
    host.setEffectiveContext(x.id);
    count(isSent ? Counter.RedisSent : Counter.RedisFailed);
  }

  /** The command in RESP, valid until the next one; NONE when one of its words has no value. */
  private write(x: Exchange): Span {
    const n = this.words.length;
    command.reset();
    writeHead(n, command);
    for (let i = 0; i < n; i++) {
      if (!evaluate(unchecked(this.words[i]), x)) return NONE;
      writeWord(word.view(), command);
    }
    return command.failed || length(command.view()) > MAX_COMMAND ? NONE : command.view();
  }

  override resume(x: Exchange, answer: Answer, item: i32): Outcome {
    const got = changetype<RedisAnswer>(answer);
    if (got.isTooLarge) return this.fail(x, result.tooLarge);
    if (got.status == 0) return this.fail(x, result.unreachable);
    if (got.error != NONE) return this.fail(x, got.error);
    count(Counter.RedisAnswered);
    if (this.result != NO_RESULT) x.result(this.result).keepReply(got.reply);
    return Outcome.Next;
  }

  private fail(x: Exchange, why: Span): Outcome {
    count(Counter.RedisFailed);
    x.callFailed = true;
    if (this.result != NO_RESULT) x.result(this.result).fail(why);
    return this.withoutAnswer(x, reply.redisFailed);
  }

  override describe(out: Writer): void {
    text(out, "cluster", this.service.cluster);
    super.describe(out);
  }
}

/** A larger command is not sent. */
const MAX_COMMAND: i32 = 1 << 20;

/** Puts the word's bytes into `word`; false when it has none: it is absent, or neither text nor number. */
function evaluate(template: Template, x: Exchange): bool {
  word.reset();
  if (!template.isSingle) return template.write(x, Absent.Skips, word);
  template.evaluateSingle(x, value);
  switch (value.kind) {
    case Kind.String:
    case Kind.Bytes:
      word.span(value.bits);
      return !word.failed;
    case Kind.Int:
    case Kind.Uint:
    case Kind.Double:
      return writeText(value, word) == Failure.None && !word.failed;
  }
  return false;
}
