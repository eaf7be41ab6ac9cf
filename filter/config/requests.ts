// Decodes what a document says of the requests that come: `settings.paths` and `settings.clientIp`.

import { scratch } from "../abi/memory";
import * as ascii from "../bytes/ascii";
import { Block } from "../bytes/ip-address";
import { equalsText } from "../bytes/text";
import { ClientAddress } from "../http/client-address";
import { EscapedSlashes } from "../http/path";
import { Kind, NO_NODE } from "../json/tape";
import { PathPolicy } from "../rules/path-policy";
import { Program } from "../stream/program";
import { Context } from "./context";

export function decodePaths(context: Context, node: i32, program: Program): void {
  const policy = new PathPolicy();
  const normalise = context.member(node, "normalize");
  policy.normalises = normalise == NO_NODE || context.tape.kind(normalise) == Kind.True;
  policy.mergesSlashes = context.isTrue(node, "mergeSlashes");
  if (context.isWord(node, "encodedSlashes", "reject"))
    policy.escapedSlashes = EscapedSlashes.Reject;
  if (context.isWord(node, "encodedSlashes", "unescape"))
    policy.escapedSlashes = EscapedSlashes.Unescape;
  program.paths = policy;
  // Who says so wants it of every path.
  program.looksAtTarget = true;
}

export function decodeClientIp(context: Context, node: i32): ClientAddress {
  const name = context.text(context.member(node, "header"));
  ascii.lowerInPlace(name);
  if (!ascii.isToken(name))
    context.report.add(
      context.member(node, "header"),
      "R307",
      -1,
      "not a header name (RFC 9110 5.6.2)",
    );
  const client = new ClientAddress(name, equalsText(name, "forwarded"));
  const trusted = context.member(node, "trusted");
  const hops = context.member(node, "trustedHops");
  if (trusted != NO_NODE && hops != NO_NODE)
    context.report.add(
      hops,
      "R311",
      -1,
      "proxies are trusted by their number or by their addresses",
    );
  client.trustedHops = context.integerOr(node, "trustedHops", 0) as i32;
  if (trusted != NO_NODE) client.trusted = decodeBlocks(context, trusted);
  return client;
}

/** Addresses and blocks; those that are none are reported. */
export function decodeBlocks(context: Context, value: i32): StaticArray<Block> {
  const nodes = context.strings(value);
  const blocks: Block[] = [];
  for (let i = 0; i < nodes.length; i++) {
    const block = Block.parse(context.tape.text(nodes[i], scratch), context.arena);
    if (block != null) {
      blocks.push(block);
      continue;
    }
    const forms = "10.0.0.0/8, 2001:db8::/32 or 192.0.2.1";
    context.report.add(nodes[i], "R315", -1, "not an address or a block, such as " + forms);
  }
  return StaticArray.fromArray(blocks);
}
