// What is wrong with a schema: all of it, for whoever compiles one to report. Nodes are counted
// from the schema's own first record.

export class Problem {
  constructor(
    readonly node: i32,
    /** In bytes inside the text of the node, or -1. */
    readonly offset: i32,
    readonly message: string,
  ) {}
}

const problems: Problem[] = [];

export function clear(): void {
  problems.length = 0;
}

export function add(node: i32, message: string, offset: i32 = -1): void {
  problems.push(new Problem(node, offset, message));
}

export function all(): Problem[] {
  return problems;
}
