// The event `api`: one call of an API as observers know it, with the fields and names that
// observability tools around Envoy have for it: metadata, request, response, source, destination,
// protocol. Bodies are as they reached the filter; what is no UTF-8 is base64, and says so.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import {
  address,
  byteAtUnchecked,
  equal,
  lastIndexOfByte,
  length,
  NONE,
  Span,
  startsWith,
} from "../bytes/span";
import { fromText } from "../bytes/text";
import * as utf8 from "../bytes/utf8";
import { Writer } from "../bytes/writer";
import * as base64 from "../crypto/base64";
import { FieldList, MISSING } from "../http/field-list";
import { writeString } from "../json/write";
import { addressOf } from "../rules/host-pattern";
import { Capture } from "../stream/capture";
import { Coding, codingOf } from "../stream/content-coding";
import { Exchange } from "../stream/exchange";
import * as field from "../stream/field-names";
import { HeaderMap } from "../stream/header-map";
import { Ends } from "./parameters";
import { Redaction } from "./redaction";

const names: Arena = Arena.create();
const hostsOwn: Span = fromText("x-envoy", names);
const requestTime: Span = fromText("request\0time", names);
const requestProtocol: Span = fromText("request\0protocol", names);
const destinationAddress: Span = fromText("destination\0address", names);
const direction: Span = fromText("xds\0listener_direction", names);
const directionBefore: Span = fromText("listener_direction", names);
const nodeName: Span = fromText("node\0metadata\0NODE_NAME", names);
const workload: Span = fromText("node\0metadata\0NAME", names);
const namespace: Span = fromText("node\0metadata\0NAMESPACE", names);
const nodeNameNow: Span = fromText("xds\0node\0metadata\0NODE_NAME", names);
const workloadNow: Span = fromText("xds\0node\0metadata\0NAME", names);
const namespaceNow: Span = fromText("xds\0node\0metadata\0NAMESPACE", names);

/** What the direction of an inbound listener is (envoy.config.core.v3.TrafficDirection). */
const INBOUND: u8 = 1;

/** Writes the event of the stream, which is done, to `out`. */
export function writeApiEvent(x: Exchange, redaction: Redaction, out: Writer): void {
  out.text('{"metadata":{"context_id":');
  out.integer(x.id);
  out.text(',"timestamp":');
  const time = host.property(requestTime, scratch);
  const nanoseconds = length(time) == 8 ? load<u64>(address(time)) : host.now();
  out.integer((nanoseconds / 1_000_000_000) as i64);
  out.text(',"traffic_source_name":"Envoy","traffic_source_version":"","node_name":');
  writeProperty(x, nodeNameNow, nodeName, out);
  out.text('},"request":');
  writeMessage(x.request, x.requestBody.capture, redaction, out);
  out.text(',"response":');
  writeMessage(x.response, x.responseBody.capture, redaction, out);
  // The node is the workload that is called where it listens for calls to it, else the one that calls.
  const where = x.propertyOr(direction, directionBefore);
  const isCalled = length(where) > 0 && byteAtUnchecked(where, 0) == INBOUND;
  out.text(',"source":');
  writeWorkload(x, field.sourceAddress, !isCalled, out);
  out.text(',"destination":');
  writeWorkload(x, destinationAddress, isCalled, out);
  out.text(',"protocol":');
  const protocol = host.property(requestProtocol, scratch);
  writeString(protocol == NONE ? host.EMPTY : protocol, out);
  out.byte(0x7d);
}

function writeProperty(x: Exchange, now: Span, before: Span, out: Writer): void {
  const value = x.propertyOr(now, before);
  writeString(value == NONE ? host.EMPTY : value, out);
}

function writeWorkload(x: Exchange, addressProperty: Span, isNode: bool, out: Writer): void {
  out.text('{"name":');
  if (isNode) writeProperty(x, workloadNow, workload, out);
  else out.text('""');
  out.text(',"namespace":');
  if (isNode) writeProperty(x, namespaceNow, namespace, out);
  else out.text('""');
  const pair = host.property(addressProperty, scratch);
  const isThere = pair != NONE && length(pair) > 0;
  const ip = isThere ? addressOf(pair) : NONE;
  out.text(',"ip":');
  writeString(ip == NONE ? host.EMPTY : ip, out);
  out.text(',"port":');
  out.integer(isThere ? portOf(pair) : 0);
  out.byte(0x7d);
}

function portOf(pair: Span): i64 {
  const at = lastIndexOfByte(pair, 0x3a);
  let port: i64 = 0;
  if (at < 0) return 0;
  for (let i = at + 1, n = length(pair); i < n; i++) {
    const c = byteAtUnchecked(pair, i);
    if (!ascii.isDigit(c) || port > 65_535) return 0;
    port = port * 10 + (c as i64) - 0x30;
  }
  return port;
}

function writeMessage(
  headers: HeaderMap,
  capture: Capture,
  redaction: Redaction,
  out: Writer,
): void {
  headers.ensureLoaded();
  out.text('{"headers":{');
  let isFirst = true;
  for (let i = 0; i < headers.count; i++) {
    const name = headers.name(i);
    if (startsWith(name, hostsOwn) || isRepeated(headers, i)) continue;
    if (!isFirst) out.byte(0x2c);
    isFirst = false;
    writeString(name, out);
    out.byte(0x3a);
    writeValues(headers, i, name, redaction, out);
  }
  out.text('},"body":');
  writeBody(headers, capture, redaction, out);
  out.byte(0x7d);
}

/** Whether a line of that name came before. */
function isRepeated(headers: FieldList, i: i32): bool {
  return headers.find(headers.name(i)) < i;
}

const values = Writer.create();

/** All lines of the name as one value, joined as RFC 9110 5.3 has it. */
function writeValues(
  headers: FieldList,
  first: i32,
  name: Span,
  redaction: Redaction,
  out: Writer,
): void {
  const ends = equal(name, field.path) ? Ends.Target : Ends.Auto;
  values.reset();
  for (let i = first; i != MISSING; i = headers.find(name, i + 1)) {
    if (i != first) values.text(", ");
    values.span(redaction.header(name, headers.value(i), ends));
  }
  writeString(values.failed ? host.EMPTY : values.view(), out);
}

function writeBody(headers: HeaderMap, capture: Capture, redaction: Redaction, out: Writer): void {
  const kept = capture.text();
  const isWhole = capture.isWhole;
  const isPlain = codingOf(headers) == Coding.None;
  const body = redaction.body(kept, isWhole, isPlain, headers.first(field.contentType));
  if (body == NONE) {
    out.text('"","body_redacted":true');
  } else {
    const text = isWhole ? body : utf8.wholePrefix(body);
    if (utf8.isValid(text)) {
      writeString(text, out);
    } else {
      out.byte(0x22);
      base64.encode(body, out, false, true);
      out.text('","body_encoding":"base64"');
    }
  }
  if (isWhole) return;
  out.text(',"body_truncated":true,"body_size":');
  out.integer(capture.size);
}
