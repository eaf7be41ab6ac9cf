// The JSON Schema engine's public face: drafts 7 and 2020-12 over the tape of a document.

export { judge, Verdict, writeFailure } from "./machine";
export { all as problems, Problem } from "./problem";
export { Schema } from "./schema";
