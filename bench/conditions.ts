// A condition in a rule beside the same one in Envoy: CEL in its RBAC filter, and the evaluation that
// it offers to every wasm filter. What the evaluation alone costs is the difference to the same
// filter without the condition. Most of ours is the first look at the headers, for which the host is
// asked once in a request; a rule with a `match` has looked already, and a condition in it tells what
// the expression itself takes.

import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "../compiler/assets.ts";
import { envoyFilter } from "../compiler/targets/envoy.ts";
import { type Contender, HEADERS, NONE, native, ours, type Scenario } from "./contenders.ts";

/** google.api.expr.v1alpha1.Expr, the form in which RBAC takes an expression. */
type Tree = object;

const text = (value: string): Tree => ({ const_expr: { string_value: value } });
const call = (name: string, ...args: Tree[]): Tree => ({ call_expr: { function: name, args } });
const method = (target: Tree, name: string, ...args: Tree[]): Tree => ({
  call_expr: { target, function: name, args },
});
const request = (field: string): Tree => ({
  select_expr: { operand: { ident_expr: { name: "request" } }, field },
});

/** Lets through where the condition holds, answers 403 otherwise. */
function rbac(condition: Tree): Contender {
  const policy = { permissions: [{ any: true }], principals: [{ any: true }], condition };
  return native("rbac", "rbac.v3.RBAC", { rules: { action: "ALLOW", policies: { it: policy } } });
}

/** Path of the module of expr-evaluate/, compiled anew. */
function compileMinimal(): string {
  const folder = join(root, ".cache", "bench");
  const output = join(folder, "expr-evaluate.wasm");
  mkdirSync(folder, { recursive: true });
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      join(root, "node_modules", "assemblyscript", "bin", "asc.js"),
      ...["bench/expr-evaluate/filter.ts", "--outFile", output],
      ...["-O3", "--runtime", "stub", "--use", "abort="],
    ],
    { cwd: root, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`cannot compile bench/expr-evaluate: ${stderr}`);
  return output;
}

/** The filter of expr-evaluate/ in the envelope of ours; its configuration is the expression. */
function minimal(name: string, wasmPath: string, expression: string): Contender {
  const filter = envoyFilter({}, { wasmPath, name: "minimal" }) as {
    typed_config: { config: { configuration: { value: string } } };
  };
  filter.typed_config.config.configuration.value = expression;
  return { name, filters: [filter] };
}

const NAMES = {
  without: "ruleway",
  with: "ruleway, when",
  read: "match",
  readWith: "match, when",
  minimal: "wasm",
  evaluate: "wasm, evaluate",
};

interface Condition {
  name: string;
  expression: string;
  tree: Tree;
  /** Requests for which it is true, and false. */
  yes: Scenario["request"];
  no: Scenario["request"];
}

function scenario({ name, expression, tree, yes, no }: Condition): Scenario {
  const match = { headers: { accept: "present" } };
  const step = [{ headers: { add: { "x-when": "yes" } } }];
  const hasCondition = (contender: string) =>
    [NAMES.with, NAMES.readWith, NAMES.evaluate, "rbac"].includes(contender);
  const fail = (got: object, upstream: object) => {
    throw new Error(`${JSON.stringify(got)}, the upstream got ${JSON.stringify(upstream)}`);
  };
  return {
    name,
    title: `one request header where ${expression}`,
    contenders: (wasm) => {
      const module = compileMinimal();
      return [
        NONE,
        rbac(tree),
        ours(wasm, { rules: [{ request: step }] }, NAMES.without),
        ours(wasm, { rules: [{ when: expression, request: step }] }, NAMES.with),
        ours(wasm, { rules: [{ match, request: step }] }, NAMES.read),
        ours(wasm, { rules: [{ match, when: expression, request: step }] }, NAMES.readWith),
        minimal(NAMES.minimal, module, ""),
        minimal(NAMES.evaluate, module, expression),
      ];
    },
    request: yes,
    count: 500,
    roundsEach: 8,
    verify: (got, upstream, contender) => {
      const adds = contender !== "none" && contender !== "rbac";
      if (upstream["x-when"] !== (adds ? "yes" : undefined)) fail(got, upstream);
    },
    otherwise: {
      request: no,
      verify: (got, upstream, contender) => {
        if (got.status !== (contender === "rbac" ? 403 : 200)) fail(got, upstream);
        const adds = !hasCondition(contender) && contender !== "none";
        if (upstream["x-when"] !== (adds ? "yes" : undefined)) fail(got, upstream);
      },
    },
    differences: [
      [NAMES.without, NAMES.with],
      [NAMES.read, NAMES.readWith],
      [NAMES.minimal, NAMES.evaluate],
    ],
  };
}

export const conditions: Scenario[] = [
  scenario({
    name: "when",
    expression: "request.headers['x-a'].startsWith('v') && request.method == 'GET'",
    tree: call(
      "_&&_",
      method(call("_[_]", request("headers"), text("x-a")), "startsWith", text("v")),
      call("_==_", request("method"), text("GET")),
    ),
    yes: { path: "/small", headers: { ...HEADERS, "x-a": "v1" } },
    no: { path: "/small", headers: { ...HEADERS, "x-a": "w1" } },
  }),
  scenario({
    name: "when-matches",
    expression: "request.path.matches('^/api/v[0-9]+/users/[a-z]+$')",
    tree: method(request("path"), "matches", text("^/api/v[0-9]+/users/[a-z]+$")),
    yes: { path: "/api/v2/users/alice", headers: HEADERS },
    no: { path: "/api/v2/users/4", headers: HEADERS },
  }),
];
