// What a build may define (scripts/build.mjs); read only as `isDefined(NAME)`.

/** The artefact is for Higress: its imports may be called. */
declare const HIGRESS: i32;

/** Traversals say how much they do (bytes/work.ts); for probes. */
declare const COUNTING: i32;
