// `ruleway eval`: one expression, its value as JSON.

import type { Command } from "commander";
import type { Diagnostic } from "./diagnostic.ts";
import { checkRequest, EXPRESSION, evaluate } from "./evaluation/evaluate.ts";
import { type EvaluationRequest, readRequest } from "./evaluation/request.ts";
import { readText, Unreadable } from "./files.ts";
import { render } from "./render.ts";

export function registerEval(program: Command): void {
  program
    .command("eval")
    .description("the value of one expression, as JSON")
    .argument("<expression>", "a CEL expression, or - for standard input")
    .option("--request <file>", "what it is evaluated for (YAML or JSON), or - for standard input")
    // `-1` is an expression.
    .allowUnknownOption()
    .action((argument: string, options: { request?: string }) => {
      if (argument === "-" && options.request === "-") {
        throw new Unreadable("standard input can only be one of the two");
      }
      const request = requestOf(options.request);
      const text = argument === "-" ? readText("-") : argument;
      const { json, withoutForm, diagnostics } = evaluate(text, request);
      if (diagnostics.length > 0) {
        process.stderr.write(render(diagnostics, "pretty", new Map([[EXPRESSION, text]])));
        process.exitCode = 1;
      } else if (json === undefined) {
        throw new Unreadable("the request is not one that its match is for");
      } else {
        process.stdout.write(`${json}\n`);
        if (withoutForm) process.stderr.write(`ruleway: shown as null: ${withoutForm}\n`);
      }
    });
}

/** What the file holds; whatever is wrong with it is said, and means exit status 2. */
function requestOf(file: string | undefined): EvaluationRequest {
  if (file === undefined) return {};
  const text = readText(file);
  const diagnostics: Diagnostic[] = [];
  const source = readRequest(text, file, (each) => diagnostics.push(each));
  if (source && diagnostics.length === 0) diagnostics.push(...checkRequest(source));
  if (source && diagnostics.length === 0) return source.tree as EvaluationRequest;
  process.stderr.write(render(diagnostics, "pretty", new Map([[file, text]])));
  throw new Unreadable(`${file} is not a request`);
}
