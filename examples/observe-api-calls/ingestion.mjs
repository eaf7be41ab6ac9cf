// A small ingestion service: prints the events that are posted to /api/v1/events.
//
//   node ingestion.mjs 8888

import http from "node:http";

const LARGEST = 64 << 20;

const server = http.createServer((request, response) => {
  if (request.url !== "/api/v1/events") return response.writeHead(404).end();
  if (request.method !== "POST") return response.writeHead(405).end();
  const pieces = [];
  let size = 0;
  request.on("data", (piece) => {
    size += piece.length;
    if (size > LARGEST) return response.writeHead(413).end(() => request.destroy());
    pieces.push(piece);
  });
  request.on("end", () => {
    if (response.writableEnded) return;
    console.log(`API event received\n${Buffer.concat(pieces)}`);
    response.writeHead(200).end();
  });
});

server.listen(Number(process.argv[2] ?? 8888), "127.0.0.1", () => {
  console.log(`ingestion service is listening on port ${server.address().port}`);
});
