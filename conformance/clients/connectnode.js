// @connectrpc/connect-node and connect-web in Node.js: connectnode.js ADDR DESCRIPTORS
import { compressionGzip, createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import * as web from "@connectrpc/connect-web";
import { total } from "./check.js";
import { checkAll, loadService } from "./weather.js";

const [addr, descriptors] = process.argv.slice(2);
const baseUrl = `http://${addr}`;
const service = loadService(descriptors);
const gzip = { sendCompression: compressionGzip, acceptCompression: [compressionGzip], compressMinBytes: 1 };

for (const useBinaryFormat of [true, false]) {
  const codec = useBinaryFormat ? "proto" : "JSON";
  for (const httpVersion of ["1.1", "2"]) {
    const name = `${codec}, HTTP/${httpVersion}`;
    const options = { baseUrl, httpVersion, useBinaryFormat };
    const kinds = { bidi: httpVersion === "2" };
    await checkAll(`connect-node, Connect, ${name}`, service, createConnectTransport(options), kinds);
    await checkAll(`connect-node, Connect, ${name}, gzip`, service, createConnectTransport({ ...options, ...gzip }), kinds);
    await checkAll(`connect-node, gRPC-Web, ${name}`, service, createGrpcWebTransport(options), kinds);
    await checkAll(`connect-node, gRPC-Web, ${name}, gzip`, service, createGrpcWebTransport({ ...options, ...gzip }), kinds);
  }
  await checkAll(`connect-node, gRPC, ${codec}`, service, createGrpcTransport({ baseUrl, useBinaryFormat }));
  await checkAll(`connect-node, gRPC, ${codec}, gzip`, service, createGrpcTransport({ baseUrl, useBinaryFormat, ...gzip }));
  const kinds = { clientStreams: false, bidi: false };
  await checkAll(`connect-web, Connect, ${codec}`, service, web.createConnectTransport({ baseUrl, useBinaryFormat }), kinds);
  await checkAll(`connect-web, gRPC-Web, ${codec}`, service, web.createGrpcWebTransport({ baseUrl, useBinaryFormat }), kinds);
}
await checkAll(
  "connect-node, Connect by GET", service, createConnectTransport({ baseUrl, httpVersion: "1.1", useHttpGet: true }),
  { bidi: false, large: false }, // which is too large for a URL
);
total();
process.exit(); // connections are kept open
