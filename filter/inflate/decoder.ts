// Decodes the content codings that are deflate in some frame (RFC 9110 8.4.1): gzip (RFC 1952, with
// as many members as there are) and deflate, which is zlib (RFC 1950) or, from some servers, the
// bare stream. Checksums and lengths are checked; checks that fail, and more output than the caller
// allows, are statuses of their own. After a failure nothing more comes.
//
//   decoder.feed(piece)
//   while (decoder.step() == Status.Output) use(decoder.output)
//   …
//   decoder.end()
//
// No bytes at all are an empty body: some servers name a coding and send none. After the end only
// zeros, which some pad with, are let pass.

import * as arena from "../bytes/arena";
import { address, length, Span, span } from "../bytes/span";
import { crc32Of } from "../crypto/crc32";
import { adler32Of } from "./adler32";
import { Inflater, Run } from "./inflater";

export const enum Format {
  Gzip,
  Deflate,
}

export const enum Status {
  /** All input is taken. */
  NeedsInput,
  /** `output` has a piece; step on. */
  Output,
  /** It is complete; only from `end`. */
  Ended,
  /** Not of the coding. */
  BadData,
  /** It decodes, but is not what was encoded. */
  BadChecksum,
  /** The end is missing; only from `end`. */
  Truncated,
  /** More than the total that is allowed. */
  TooLarge,
  /** More for so little input than is allowed. */
  Bomb,
}

/** What the stream is in. */
const enum Frame {
  Gzip,
  Zlib,
  Bare,
}

/** What comes next. */
const enum Part {
  Begin,
  GzipSecond,
  GzipMethod,
  GzipFlags,
  /** Time, extra flags, system: of no use here. */
  GzipFixed,
  ExtraSize,
  Extra,
  Name,
  Comment,
  HeaderCheck,
  ZlibSecond,
  Data,
  Check,
  Size,
  ZlibCheck,
  /** After a whole gzip member: another, or the end. */
  Between,
  /** After the end. */
  Padding,
  Failed,
}

const FLAG_HEADER_CHECK: i32 = 2;
const FLAG_EXTRA: i32 = 4;
const FLAG_NAME: i32 = 8;
const FLAG_COMMENT: i32 = 16;
const FLAGS_RESERVED: i32 = 0xe0;

/** No limit. */
export const UNLIMITED: i64 = -1;

/** What a step of one part says when the next part is to go on. */
const GO_ON: i32 = -1;

@unmanaged
@final
export class Decoder {
  output: Span;
  taken: i64; // bytes of input, of all pieces
  total: i64; // bytes of output
  maxTotal: i64;
  maxRatio: i64;
  ratioFrom: i64;
  format: Format;
  frame: Frame;
  part: Part;
  failure: Status;
  flags: i32; // of a gzip header: what it still has
  value: u32; // of a number that is being read, its bytes so far
  left: i32; // bytes to come of that number, or of a field to skip
  shift: i32; // of the next byte of that number
  headerCheck: u32;
  check: u32; // of the member's output
  size: u32; // of the member's output, modulo 2^32
  byte: i32; // the last one of a frame
  // Behind the fields: the inflater.

  /** Memory for one, counted against the ceiling of all arenas; null past it. */
  static create(): Decoder | null {
    const at = arena.takeForBody(Decoder.bytes());
    return at == 0 ? null : changetype<Decoder>(at);
  }

  destroy(): void {
    arena.giveBack(changetype<usize>(this), Decoder.bytes());
  }

  static bytes(): usize {
    return offsetof<Decoder>() + Inflater.bytes();
  }

  private get inflater(): Inflater {
    return changetype<Inflater>(changetype<usize>(this) + offsetof<Decoder>());
  }

  /** Ready for a new stream, of `maxTotal` bytes when decoded, or UNLIMITED. */
  open(format: Format, maxTotal: i64): void {
    this.output = 0;
    this.taken = 0;
    this.total = 0;
    this.maxTotal = maxTotal;
    this.maxRatio = UNLIMITED;
    this.ratioFrom = 0;
    this.format = format;
    this.part = Part.Begin;
    this.headerCheck = 0;
    this.inflater.open();
  }

  /** Allows no more than `ratio` bytes of output for one of input, once there are `from`. */
  limitRatio(ratio: i64, from: i64): void {
    this.maxRatio = ratio;
    this.ratioFrom = from;
  }

  /** The next piece; must stay where it is until `step` needs input. */
  feed(piece: Span): void {
    this.taken += length(piece);
    this.inflater.feed(address(piece), length(piece));
  }

  /** Goes on to the next piece of output, of 64 KiB at the most, good until the next step. */
  step(): Status {
    let status = GO_ON;
    while (status == GO_ON) status = this.part == Part.Data ? this.stepData() : this.stepFrame();
    return status as Status;
  }

  /** The input is over: Ended, or what is wrong. All output must have been fetched. */
  end(): Status {
    if (this.part == Part.Failed) return this.failure;
    if (this.part == Part.Between || this.part == Part.Padding) return Status.Ended;
    return this.taken == 0 ? Status.Ended : Status.Truncated;
  }

  private fail(status: Status): void {
    this.part = Part.Failed;
    this.failure = status;
  }

  // ---- data

  private stepData(): i32 {
    const inflater = this.inflater;
    const run = inflater.run();
    const pending = inflater.pending;
    if (length(pending) > 0) {
      inflater.give();
      return this.account(pending);
    }
    if (run == Run.NeedsInput) return Status.NeedsInput;
    if (run == Run.Bad) this.fail(Status.BadData);
    else if (this.frame == Frame.Bare) this.part = Part.Padding;
    else this.read(this.frame == Frame.Gzip ? Part.Check : Part.ZlibCheck, 4);
    return GO_ON;
  }

  /** Counts a piece of output, and gives it away if it is within the limits. */
  private account(piece: Span): i32 {
    const n = length(piece);
    this.total += n;
    if (this.maxTotal != UNLIMITED && this.total > this.maxTotal) {
      this.fail(Status.TooLarge);
      return GO_ON;
    }
    const isMuch = this.maxRatio != UNLIMITED && this.total > this.ratioFrom;
    if (isMuch && this.total / this.maxRatio > this.taken) {
      this.fail(Status.Bomb);
      return GO_ON;
    }
    this.size += n;
    if (this.frame == Frame.Gzip) this.check = crc32Of(this.check, piece);
    else if (this.frame == Frame.Zlib) this.check = adler32Of(this.check, piece);
    this.output = piece;
    return Status.Output;
  }

  private beginData(frame: Frame): void {
    this.frame = frame;
    this.check = frame == Frame.Zlib ? 1 : 0;
    this.size = 0;
    this.part = Part.Data;
    this.inflater.begin();
  }

  // ---- frames

  private stepFrame(): i32 {
    if (this.part == Part.Failed) return this.failure;
    this.byte = this.inflater.takeByte();
    if (this.byte < 0) return Status.NeedsInput;
    this.takeFrame(this.byte);
    return GO_ON;
  }

  /** Next comes `part`, a number of `n` bytes or `n` bytes to skip. */
  private read(part: Part, n: i32): void {
    this.part = part;
    this.left = n;
    this.value = 0;
    this.shift = 0;
  }

  /** Takes a byte of a number, lowest first; true with the last. */
  private completes(byte: i32): bool {
    this.value |= (byte as u32) << this.shift;
    this.shift += 8;
    return --this.left == 0;
  }

  private takeFrame(byte: i32): void {
    if (this.part <= Part.HeaderCheck) {
      this.takeHeader(byte);
      return;
    }
    switch (this.part) {
      case Part.ZlibSecond:
        this.takeZlibSecond(byte);
        break;
      case Part.Check:
        if (!this.completes(byte)) break;
        if (this.value == this.check) this.read(Part.Size, 4);
        else this.fail(Status.BadChecksum);
        break;
      case Part.Size:
        if (!this.completes(byte)) break;
        if (this.value == this.size) this.part = Part.Between;
        else this.fail(Status.BadChecksum);
        break;
      case Part.ZlibCheck:
        if (!this.completes(byte)) break;
        // Highest byte first, unlike all else.
        if (bswap<u32>(this.value) == this.check) this.part = Part.Padding;
        else this.fail(Status.BadChecksum);
        break;
      case Part.Between:
        if (byte == 0) this.part = Part.Padding;
        else this.takeFirst(byte);
        break;
      case Part.Padding:
        if (byte != 0) this.fail(Status.BadData);
        break;
    }
  }

  private takeFirst(byte: i32): void {
    if (this.format == Format.Deflate) {
      this.value = byte;
      this.part = Part.ZlibSecond;
      return;
    }
    this.headerCheck = 0;
    this.sum();
    this.expect(byte, 0x1f, Part.GzipSecond);
  }

  private expect(byte: i32, wanted: i32, then: Part): void {
    if (byte == wanted) this.part = then;
    else this.fail(Status.BadData);
  }

  /** A byte of a gzip header (RFC 1952 2.3), or the first of any frame. */
  private takeHeader(byte: i32): void {
    if (this.part == Part.Begin) {
      this.takeFirst(byte);
      return;
    }
    if (this.part != Part.HeaderCheck) this.sum();
    switch (this.part) {
      case Part.GzipSecond:
        this.expect(byte, 0x8b, Part.GzipMethod);
        break;
      case Part.GzipMethod:
        this.expect(byte, 8, Part.GzipFlags);
        break;
      case Part.GzipFlags:
        this.flags = byte;
        if (byte & FLAGS_RESERVED) this.fail(Status.BadData);
        else this.read(Part.GzipFixed, 6);
        break;
      case Part.GzipFixed:
        if (--this.left == 0) this.beginField();
        break;
      case Part.ExtraSize:
        if (!this.completes(byte)) break;
        if (this.value == 0) this.beginField();
        else this.read(Part.Extra, this.value);
        break;
      case Part.Extra:
        if (--this.left == 0) this.beginField();
        break;
      case Part.Name:
      case Part.Comment:
        if (byte == 0) this.beginField();
        break;
      case Part.HeaderCheck:
        if (!this.completes(byte)) break;
        if (this.value == (this.headerCheck & 0xffff)) this.beginData(Frame.Gzip);
        else this.fail(Status.BadChecksum);
        break;
    }
  }

  /** Adds the last byte to the header's checksum. */
  private sum(): void {
    const at = changetype<usize>(this) + offsetof<Decoder>("byte");
    this.headerCheck = crc32Of(this.headerCheck, span(at, 1));
  }

  /** The next of the fields that the flags announce, in the order of the RFC. */
  private beginField(): void {
    if (this.announces(FLAG_EXTRA)) this.read(Part.ExtraSize, 2);
    else if (this.announces(FLAG_NAME)) this.part = Part.Name;
    else if (this.announces(FLAG_COMMENT)) this.part = Part.Comment;
    else if (this.announces(FLAG_HEADER_CHECK)) this.read(Part.HeaderCheck, 2);
    else this.beginData(Frame.Gzip);
  }

  private announces(flag: i32): bool {
    const has = (this.flags & flag) != 0;
    this.flags &= ~flag;
    return has;
  }

  /** Two bytes tell zlib (RFC 1950 2.2) from the bare stream: as the latter they would begin a stored
   * block with padding that no encoder writes. */
  private takeZlibSecond(byte: i32): void {
    const first = this.value as i32;
    const isZlib = (first & 15) == 8 && first >> 4 <= 7 && ((first << 8) | byte) % 31 == 0;
    if (isZlib) {
      // With a dictionary that only its sender knows.
      if (byte & 0x20) this.fail(Status.BadData);
      else this.beginData(Frame.Zlib);
      return;
    }
    this.beginData(Frame.Bare);
    this.inflater.putBefore(first);
    this.inflater.putBefore(byte);
  }
}
