// `rateLimit` with the scope `cluster`: the counts of all proxies that ask one Redis. Each decision is one
// script that the server runs as a whole, with the server's clock, so that neither proxies that ask at one
// moment nor clocks that differ let anything through. The script does what stream/rate.ts does.

import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
import { length, NONE, Span, span, startsWith } from "../bytes/span";
import { copy, fromText } from "../bytes/text";
import { Writer } from "../bytes/writer";
import * as hex from "../crypto/hex";
import { DIGEST_MAX, Hasher, HashKind } from "../crypto/index";
import { writeHead, writeWord } from "../resp/command";
import { Kind, Reader } from "../resp/reply";
import { failures } from "../rules/expression";
import { Answer } from "../stream/answer";
import { Counter, count } from "../stream/counters";
import { text as describeText, number } from "../stream/description";
import { Exchange } from "../stream/exchange";
import { Outcome } from "../stream/program";
import { NEVER, Rate } from "../stream/rate";
import { NO_COMMAND, RedisAnswer, send } from "../stream/redis-calls";
import { RedisService } from "../stream/redis-service";
import { RateLimitStep, UNCOUNTABLE, Verdict } from "./rate-limit";

/** Bytes of a client's key that are written as they are; a hash stands for what is longer. */
export const MAX_KEY: i32 = 128;

/** KEYS: the key. ARGV: the cost; then of each rate the algorithm, the limit, the period (microseconds) and
 * the burst. Answers 1 or 0 for admitted or not; then of each rate what remains, and the microseconds until
 * all of it is there again and until the cost fits (-1: never). What is kept, in text, of each rate: the
 * time or the number of the period or slot, then what is missing of tokens, in tokens times period, or
 * counts by slot. A fixed period is a window of one slot. What is as good as nothing expires; a second
 * later, since the clock of a server that takes over may be behind. Numbers are doubles: up to 2^53
 * tokens times microseconds are exact, as of a million in two hours; beyond, a request may come 1 µs late. */
function script(): string {
  // Not a constant of the file, which the filter for other hosts would have too.
  return `if redis.replicate_commands then redis.replicate_commands() end
local t=redis.call('TIME')
local now,cost=t[1]*1000000+t[2],tonumber(ARGV[1])
local floor,ceil,max,min=math.floor,math.ceil,math.max,math.min
local v={}
for w in string.gmatch(redis.call('GET',KEYS[1]) or '','%S+') do v[#v+1]=tonumber(w) or 0 end
local rates,fits,back,p={},true,false,1
for i=2,#ARGV,4 do
 local r={p=p,limit=tonumber(ARGV[i+1]),period=tonumber(ARGV[i+2])}
 local at,used=v[p] or 0,0
 if ARGV[i]=='0' then
  r.unit=r.period
  r.whole=tonumber(ARGV[i+3])*r.unit
  used=v[p+1] or 0
  if now>=at then used=max(0,used-(now-at)*r.limit) at=now
  elseif at-now>1000000 then at=now back=true end
  v[p+1]=used
  p=p+2
 else
  local n=ARGV[i]=='1' and 1 or 8
  local width=n==1 and r.period or floor((r.period+6)/7)
  r.whole,r.unit,r.n,r.width=r.limit,1,n,width
  local slot=floor(now/width)
  for k=1,n do v[p+k]=v[p+k] or 0 end
  if slot>at then
   for k=1,min(slot-at,n) do v[p+1+(at+k)%n]=0 end
   at=slot
  end
  for k=1,n do used=used+v[p+k] end
  if slot<at and at*width-now>1000000 then
   for k=1,n do v[p+k]=0 end
   v[p+1+slot%n]=used at=slot back=true
  end
  p=p+1+n
 end
 v[r.p]=at
 r.at=at
 r.used=min(used,r.whole)
 if r.used+cost*r.unit>r.whole then fits=false end
 rates[#rates+1]=r
end
local out,ttl={fits and 1 or 0},0
for _,r in ipairs(rates) do
 local p,n,used,wait,reset,price=r.p,r.n,r.used,0,0,cost*r.unit
 if fits then
  local k=n and p+1+r.at%n or p+1
  v[k]=v[k]+price
  used=used+price
 elseif price>r.whole then wait=-1
 elseif used+price>r.whole then
  if n then
   local left,i=used,r.at
   repeat i=i+1 left=left-v[p+1+i%n] until left+price<=r.whole or i-r.at>=n
   wait=max(0,i*r.width-now)
  else wait=ceil((used+price-r.whole)/r.limit) end
 end
 if n then
  for k=0,n-1 do
   if n==1 or v[p+1+(r.at-k)%n]>0 then reset=max(0,(r.at-k+n)*r.width-now) break end
  end
 else reset=ceil(used/r.limit) end
 ttl=max(ttl,reset)
 out[#out+1]=floor((r.whole-used)/r.unit)
 out[#out+1]=reset
 out[#out+1]=wait
end
if fits and cost>0 or back then
 for k=1,#v do v[k]=string.format('%.17g',v[k]) end
 redis.call('SET',KEYS[1],table.concat(v,' '),'PX',string.format('%.0f',ceil(ttl/1000)+1000))
end
return out`;
}

const texts: Arena = Arena.create();
const noScript: Span = fromText("NOSCRIPT", texts);
/** How a command begins that names the script, and one that has it; NONE before the first. */
let byName: Span = NONE;
let byText: Span = NONE;

const command = Writer.create();
const word = Writer.create();
const reader = new Reader();
const hasher = Hasher.create();
const digest = heap.alloc(DIGEST_MAX);

/** What a request keeps while it waits. */
@unmanaged
@final
class Asked {
  /** The command after the script. */
  rest: Span;
  hasText: bool;
}

@final
export class ClusterRateLimitStep extends RateLimitStep {
  /** Of every key, of its step alone. */
  private readonly prefix: Span;
  /** The command after the cost. */
  private readonly end: Span;

  constructor(
    private readonly service: RedisService,
    rates: StaticArray<Rate>,
    prefix: Span,
    arena: Arena,
  ) {
    super(rates);
    this.calls = true;
    this.prefix = prefix;
    if (byName == NONE) prepare();
    command.reset();
    for (let i = 0; i < rates.length; i++) {
      writeNumber(rates[i].algorithm);
      writeNumber(rates[i].limit);
      writeNumber(rates[i].period);
      writeNumber(rates[i].burst);
    }
    this.end = copy(command.view(), arena);
  }

  protected get scope(): string {
    return "cluster";
  }

  run(x: Exchange): Outcome {
    if (!isDefined(HIGRESS)) return this.conclude(x, Verdict.Failed);
    const before = failures;
    const cost = this.costOf(x);
    const hasFailed = failures != before;
    if (hasFailed || cost == UNCOUNTABLE) return this.concludeUncounted(x, hasFailed);
    const key = this.keyOf(x);
    const at = x.arena.allocate(offsetof<Asked>() as i32);
    if (at == 0) return this.conclude(x, Verdict.Failed);
    command.reset();
    command.text("$1\r\n1\r\n");
    this.writeKey(key);
    writeNumber(cost);
    command.span(this.end);
    const asked = changetype<Asked>(at);
    asked.rest = command.failed ? NONE : copy(command.view(), x.arena);
    asked.hasText = false;
    x.stepState = at;
    return this.ask(x, byName, asked.rest);
  }

  /** Nothing that a client sends makes a key longer than so much, or one that another step has. */
  private writeKey(key: Span): void {
    word.reset();
    word.span(this.prefix);
    if (key != NONE && length(key) <= MAX_KEY) {
      word.byte(0x3d);
      word.span(key);
    } else if (key != NONE) {
      word.byte(0x23);
      hasher.start(HashKind.Sha256);
      hasher.update(key);
      hasher.finish(digest);
      hex.encode(span(digest, 32), word);
    }
    writeWord(word.view(), command);
  }

  private ask(x: Exchange, head: Span, rest: Span): Outcome {
    if (!isDefined(HIGRESS)) return Outcome.Next;
    if (rest == NONE) return this.conclude(x, Verdict.Failed);
    command.reset();
    writeHead(4 + 1 + this.rates.length * 4, command);
    command.span(head);
    command.span(rest);
    const name = command.failed
      ? NO_COMMAND
      : send(this.service, command.view(), x.waiter, this.service.timeoutMs);
    if (name != NO_COMMAND && x.waitBeside(name)) return Outcome.Pause;
    count(Counter.RedisFailed);
    return this.conclude(x, Verdict.Failed);
  }

  override resume(x: Exchange, answer: Answer, item: i32): Outcome {
    if (!isDefined(HIGRESS)) return Outcome.Next;
    const got = changetype<RedisAnswer>(answer);
    const asked = changetype<Asked>(x.stepState);
    if (got.error != NONE && startsWith(got.error, noScript) && !asked.hasText) {
      // The server was started anew, or another one has taken over.
      asked.hasText = true;
      return this.ask(x, byText, asked.rest);
    }
    const verdict = got.reply == NONE ? Verdict.Failed : this.read(got.reply);
    count(verdict == Verdict.Failed ? Counter.RedisFailed : Counter.RedisAnswered);
    return this.conclude(x, verdict);
  }

  /** What the reply says; Failed when it is not of the script. */
  private read(reply: Span): Verdict {
    reader.open(reply);
    if (!reader.next() || reader.kind != Kind.Array) return Verdict.Failed;
    if (reader.count != 1 + this.rates.length * 3) return Verdict.Failed;
    const admitted = readNumber();
    for (let i = 0; i < this.rates.length; i++) {
      const rate = this.rates[i];
      const remaining = readNumber();
      const reset = readNumber();
      const wait = readNumber();
      if (remaining < 0 || reset < 0 || wait < -1) return Verdict.Failed;
      rate.remaining = remaining;
      rate.reset = reset;
      rate.wait = wait < 0 ? NEVER : wait;
    }
    return admitted == 1 ? Verdict.Admitted : admitted == 0 ? Verdict.Refused : Verdict.Failed;
  }

  override describe(out: Writer): void {
    super.describe(out);
    describeText(out, "cluster", this.service.cluster);
    number(out, "timeout", this.service.timeoutMs);
    number(out, "onError", this.allowsOnError ? 0 : 503);
  }
}

/** The next value of the reply; -2 when it is no integer. */
function readNumber(): i64 {
  return reader.next() && reader.kind == Kind.Integer ? reader.integer : -2;
}

function prepare(): void {
  const text = fromText(script(), scratch);
  hasher.start(HashKind.Sha1);
  hasher.update(text);
  hasher.finish(digest);
  word.reset();
  hex.encode(span(digest, 20), word);
  command.reset();
  writeWord(fromText("EVALSHA", scratch), command);
  writeWord(word.view(), command);
  byName = copy(command.view(), texts);
  command.reset();
  writeWord(fromText("EVAL", scratch), command);
  writeWord(text, command);
  byText = copy(command.view(), texts);
}

const digits = Writer.create();

function writeNumber(value: u64): void {
  digits.reset();
  digits.integer(value);
  writeWord(digits.view(), command);
}
