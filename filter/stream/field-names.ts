// Names of fields the filter itself looks at, and a few values, as spans over static memory.

import { Arena } from "../bytes/arena";
import { Span } from "../bytes/span";
import { fromText } from "../bytes/text";

const names: Arena = Arena.create();

function name(text: string): Span {
  return fromText(text, names);
}

export const path: Span = name(":path");
export const authority: Span = name(":authority");
export const method: Span = name(":method");
export const scheme: Span = name(":scheme");
export const status: Span = name(":status");
export const contentLength: Span = name("content-length");
export const contentType: Span = name("content-type");
export const contentEncoding: Span = name("content-encoding");
export const acceptEncoding: Span = name("accept-encoding");
export const contentLanguage: Span = name("content-language");
export const contentLocation: Span = name("content-location");
export const contentRange: Span = name("content-range");
export const contentMd5: Span = name("content-md5");
export const contentDigest: Span = name("content-digest");
export const reprDigest: Span = name("repr-digest");
export const digest: Span = name("digest");
export const etag: Span = name("etag");
export const acceptRanges: Span = name("accept-ranges");
export const range: Span = name("range");
export const ifRange: Span = name("if-range");
export const ifMatch: Span = name("if-match");
export const cookie: Span = name("cookie");
export const cacheControl: Span = name("cache-control");
export const setCookie: Span = name("set-cookie");
export const upgrade: Span = name("upgrade");
export const location: Span = name("location");
export const authorization: Span = name("authorization");
export const forwardedProto: Span = name("x-forwarded-proto");
export const transferEncoding: Span = name("transfer-encoding");
export const connection: Span = name("connection");
export const te: Span = name("te");
export const proxyConnection: Span = name("proxy-connection");
export const proxyAuthenticate: Span = name("proxy-authenticate");
export const proxyAuthorization: Span = name("proxy-authorization");
export const keepAlive: Span = name("keep-alive");
export const trailer: Span = name("trailer");
export const expect: Span = name("expect");
export const retryAfter: Span = name("retry-after");

/** What a weak entity tag begins with. */
export const weak: Span = name("W/");
export const http: Span = name("http");
export const https: Span = name("https");
export const noContent: Span = name("204");
export const zero: Span = name("0");
export const identity: Span = name("identity");
export const gzip: Span = name("gzip");
export const xGzip: Span = name("x-gzip");
export const deflate: Span = name("deflate");
export const connect: Span = name("CONNECT");
export const head: Span = name("HEAD");
export const get: Span = name("GET");
export const post: Span = name("POST");
export const root: Span = name("/");
export const applicationJson: Span = name("application/json");
export const grpc: Span = name("application/grpc");
export const grpcWeb: Span = name("-web");
export const grpcWebText: Span = name("-web-text");
export const multipartForm: Span = name("multipart/form-data");
export const form: Span = name("application/x-www-form-urlencoded");

export const sourceAddress: Span = name("source\0address");
/** Of all that has come of the request: Envoy counts it before the body is shown. */
export const requestSize: Span = name("request\0total_size");
/** There once the upstream has said all. */
export const backendLatency: Span = name("response\0backend_latency");
export const routeName: Span = name("xds\0route_name");
export const routeNameBefore: Span = name("route_name");
export const clusterName: Span = name("xds\0cluster_name");
export const clusterNameBefore: Span = name("cluster_name");
/** Properties by which Higress takes the limits of its buffers, in decimal bytes; elsewhere they are
 * only filter state that nobody reads. */
export const decoderBufferLimit: Span = name("set_decoder_buffer_limit");
export const encoderBufferLimit: Span = name("set_encoder_buffer_limit");
export const customLog: Span = name("custom_log");
export const needRebuild: Span = name("wasm_need_rebuild");
export const yes: Span = name("true");
export const off: Span = name("off");
export const on: Span = name("on");
export const clearRouteCache: Span = name("clear_route_cache");
