// The one call of WASI preview 1 that the filter makes (module `wasi_snapshot_preview1` is this file's
// name): proxies offer it to every plugin, and proxy-wasm itself has no source of randomness.

export declare function random_get(at: usize, n: i32): i32;
