// The calls of WASI preview 1 that the filter makes (module `wasi_snapshot_preview1` is this file's
// name): proxies offer them to every plugin, and proxy-wasm itself has no source of randomness. Of its
// clocks one is not set by anybody; the other is for hosts that lack proxy-wasm's own.

export declare function random_get(at: usize, n: i32): i32;
export declare function clock_time_get(clock: i32, precision: i64, time: usize): i32;
