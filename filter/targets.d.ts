// What a build may define (scripts/build.mjs); read only as `isDefined(NAME)`.

/** The artefact is for Higress: its imports may be called. */
declare const HIGRESS: i32;
