// What runs in the page: call returns a report, the cities of a stream, or the code and the message of an error.
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";

globalThis.call = async ({ set, baseUrl, protocol, binary, get, city, watch }) => {
  const service = createFileRegistry(fromBinary(FileDescriptorSetSchema, base64Decode(set))).getService("weather.v1.Weather");
  const options = { baseUrl, useBinaryFormat: binary, useHttpGet: get };
  const client = createClient(service, protocol === "connect" ? createConnectTransport(options) : createGrpcWebTransport(options));
  try {
    if (!watch) {
      const { celsius, summary } = await client.get({ city });
      return { celsius, summary };
    }
    const cities = [];
    for await (const report of client.watch({ city, reports: 1 })) cities.push(report.city);
    return cities;
  } catch (err) {
    const { code, rawMessage } = ConnectError.from(err);
    return { code: Code[code], message: rawMessage };
  }
};
