// The public face of the decoder for compressed bodies.

export { Decoder, Format, Status, UNLIMITED } from "./decoder";
