// The filter with a memory that refuses when it is told to (bytes/arena.ts).

export { refuseAfter, wasRefused } from "../bytes/arena";
export * from "../main";
