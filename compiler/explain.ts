// `ruleway explain`: what the rules of a file do to one request, and why.

import { readFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { parse } from "yaml";
import type { Headers } from "../host/index.ts";
import { explain, nameOf, pointersOf } from "./explaining/report.ts";
import { coloured, plain, renderReport, reportAsJson } from "./explaining/text.ts";
import type { ServiceAnswer, Situation } from "./explaining/walk.ts";
import { readText, Unreadable } from "./files.ts";
import { compile } from "./index.ts";
import { render } from "./render.ts";
import type { Answer } from "./rule-test/format.ts";

interface Options {
  request?: string;
  header: string[];
  data?: string;
  responseStatus: string;
  responseHeader: string[];
  responseBody?: string;
  service: string[];
  client?: string;
  attribute: string[];
  rule?: string;
  format: "text" | "json";
}

const collect = (value: string, before: string[]) => [...before, value];

export function registerExplain(program: Command): void {
  program
    .command("explain")
    .description("what the rules do to one request, and why the others do nothing")
    .argument("<file>", "a rule file, or - for standard input")
    .argument("<url>", "what is asked for, such as /orders?x=1 or http://host/orders")
    .option("-X, --request <method>", "default GET, or POST with -d")
    .option("-H, --header <line>", "a header of the request, `name: value`", collect, [])
    .option("-d, --data <text>", "the request's body, or @FILE")
    .option("--response-status <status>", "what the upstream answers", "200")
    .option("--response-header <line>", "a header of its answer", collect, [])
    .option("--response-body <text>", "the body of its answer, or @FILE")
    .option(
      "--service <name=answer>",
      "a callout's answer: a status, fail, JSON as in rule tests (of Redis: replies), @FILE, or a URL that is asked",
      collect,
      [],
    )
    .option("--client <address>", "the client's address, default 127.0.0.1")
    .option("--attribute <name=value>", "an attribute, such as xds.route_name=shop", collect, [])
    .option("--rule <name>", "tell only of this rule")
    .addOption(
      new Option("--format <name>", "how to say it").choices(["text", "json"]).default("text"),
    )
    .action(run);
}

async function run(file: string, url: string, options: Options): Promise<void> {
  const text = readText(file);
  const { rules, source, artefact, diagnostics } = compile(text, { file });
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  process.stderr.write(render(errors, "pretty", new Map([[file, text]])));
  if (!rules || !source) {
    process.exitCode = 1;
    return;
  }
  const names = pointersOf(rules).map((pointer) => nameOf(rules, pointer));
  if (options.rule !== undefined && !names.includes(options.rule)) {
    throw new Unreadable(`there is no rule ${options.rule}; there are ${names.join(", ")}`);
  }
  const situation = { ...situationOf(url, options, rules), artefact };
  const report = await explain(rules, source, situation, options.rule);
  const paint = process.stdout.isTTY && !process.env["NO_COLOR"] ? coloured : plain;
  process.stdout.write(
    options.format === "json" ? reportAsJson(report) : renderReport(report, paint),
  );
}

function situationOf(url: string, options: Options, rules: Record<string, unknown>): Situation {
  const headers = options.header.map(headerOf);
  const host = headers.find(([name]) => name === "host")?.[1];
  const [, scheme = "http", authority, rest = url] =
    /^(https?):\/\/([^/?#]+)(.*)$/s.exec(url) ?? [];
  const path = rest.replace(/#.*$/s, "");
  if (authority === undefined && !url.startsWith("/")) {
    throw new Unreadable(`not a URL: ${url}; it begins with / or http://`);
  }
  const body = options.data === undefined ? new Uint8Array() : bytesOf(options.data);
  const own = headers.filter(([name]) => name !== "host");
  const has = (name: string) => own.some(([each]) => each === name);
  // As curl does.
  if (options.data !== undefined && !has("content-type")) {
    own.push(["content-type", "application/x-www-form-urlencoded"]);
  }
  if (body.length > 0 && !has("content-length")) own.push(["content-length", String(body.length)]);
  const status = Number(options.responseStatus);
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new Unreadable(`not a status from 200 to 599: ${options.responseStatus}`);
  }
  const answer: Answer = { status, headers: tableOf(options.responseHeader.map(headerOf)) };
  if (options.responseBody !== undefined) {
    answer.body = Buffer.from(bytesOf(options.responseBody)).toString();
  }
  return {
    headers: [
      [":authority", authority ?? host ?? "example.com"],
      [":path", latin1(path.startsWith("/") ? path : `/${path}`)],
      [":method", options.request ?? (options.data === undefined ? "GET" : "POST")],
      [":scheme", scheme],
      ...own,
    ],
    body,
    upstream: answer,
    services: servicesOf(options.service, rules),
    attributes: {
      ...(options.client !== undefined && { "source.address": withPort(options.client) }),
      ...Object.fromEntries(options.attribute.map((each) => pairOf(each, "--attribute"))),
    },
  };
}

/** With a port, as proxies have it. */
function withPort(address: string): string {
  if (/^[\d.]+$/.test(address)) return `${address}:40000`;
  return /^[\da-f:.]+$/i.test(address) && address.includes("::") ? `[${address}]:40000` : address;
}

function pairOf(text: string, option: string): [string, string] {
  const split = text.indexOf("=");
  if (split < 1) throw new Unreadable(`${option} takes NAME=…, not ${text}`);
  return [text.slice(0, split), text.slice(split + 1)];
}

function headerOf(line: string): [string, string] {
  const split = line.indexOf(":");
  const name = line.slice(0, split).trim().toLowerCase();
  if (split < 1 || !/^[!#$%&'*+.^_`|~\w-]+$/.test(name) || /[\r\n\0]/.test(line)) {
    throw new Unreadable(`not a header, \`name: value\`: ${line}`);
  }
  return [name, latin1(line.slice(split + 1).trim())];
}

/** Headers are byte strings for the host. */
function latin1(text: string): string {
  return Buffer.from(text).toString("latin1");
}

function tableOf(headers: Headers): Record<string, string[]> {
  const table: Record<string, string[]> = {};
  for (const [name, value] of headers) table[name] = [...(table[name] ?? []), value];
  return table;
}

function bytesOf(argument: string): Uint8Array {
  return argument.startsWith("@") ? fileOf(argument.slice(1)) : new TextEncoder().encode(argument);
}

function fileOf(path: string): Uint8Array {
  try {
    return readFileSync(path === "-" ? 0 : path);
  } catch (error) {
    throw new Unreadable(`cannot read ${path}: ${(error as Error).message}`);
  }
}

/** Answers by cluster, from NAME=… where NAME is a service of the rules or a cluster. */
function servicesOf(
  named: string[],
  rules: Record<string, unknown>,
): Record<string, ServiceAnswer> {
  const services: Record<string, { cluster: string }> = {};
  const entries = (rules["_rules_"] ?? []) as Array<Record<string, unknown>>;
  for (const each of [...entries, rules]) Object.assign(services, each["services"]);
  return Object.fromEntries(
    named.map((each) => {
      const [name, answer] = pairOf(each, "--service");
      return [services[name]?.cluster ?? name, answerOf(answer)];
    }),
  );
}

const ANSWER_KEYS = ["status", "headers", "body", "json", "replies", "delay", "fail"];

/** Whether it can be what Redis replies. */
function isReply(value: unknown): boolean {
  if (value === null || typeof value === "string" || Number.isInteger(value)) return true;
  if (Array.isArray(value)) return value.every(isReply);
  return typeof value === "object" && typeof (value as { error?: unknown }).error === "string";
}

function answerOf(text: string): ServiceAnswer {
  if (/^https?:/.test(text) && URL.canParse(text)) return { url: text };
  if (text === "fail") return { fail: true };
  if (/^[2-5]\d\d$/.test(text)) return { status: Number(text) };
  const source = text.startsWith("@") ? Buffer.from(fileOf(text.slice(1))).toString() : text;
  let answer: unknown;
  try {
    answer = parse(source);
  } catch {
    answer = undefined;
  }
  const known = `an answer has ${ANSWER_KEYS.join(", ")}`;
  if (typeof answer !== "object" || answer === null || Array.isArray(answer)) {
    throw new Unreadable(`not an answer: ${text}; ${known}`);
  }
  const wrong = Object.keys(answer).find((key) => !ANSWER_KEYS.includes(key));
  if (wrong !== undefined) throw new Unreadable(`an answer has no ${wrong}; ${known}`);
  const { status = 200, delay = 0, body = "", headers = {}, replies = [] } = answer as Answer;
  const isGood =
    Number.isInteger(status) &&
    (status as number) >= 200 &&
    (status as number) <= 599 &&
    typeof delay === "number" &&
    delay >= 0 &&
    typeof body === "string" &&
    Array.isArray(replies) &&
    replies.every(isReply) &&
    typeof headers === "object" &&
    Object.values(headers).every((value) => [value].flat().every((v) => typeof v === "string"));
  if (!isGood) throw new Unreadable(`not an answer as rule tests have it: ${text}`);
  return answer as Answer;
}
