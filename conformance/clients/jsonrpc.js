// jayson, over HTTP and over TCP: jsonrpc.js ADDR
import jayson from "jayson/promise/index.js";
import { assert, check, total } from "./check.js";

const [host, port] = process.argv[2].split(":");
for (const [name, client] of [
  ["jayson, HTTP", jayson.Client.http({ host, port, path: "/", headers: { connection: "close" } })],
  ["jayson, TCP", jayson.Client.tcp({ host, port })],
]) {
  await check(`${name}: a call`, async () => {
    const res = await client.request("weather.v1.Weather/Get", { city: "Oslo" });
    assert.deepEqual(res.result, { city: "Oslo", celsius: -3, summary: "freezing" });
  });
  await check(`${name}: a method with a dot, a positional parameter, a number as id`, async () => {
    const res = await client.request("weather.v1.Weather.Get", [{ city: "Oslo" }], 7);
    assert.equal(res.id, 7);
    assert.equal(res.result.city, "Oslo");
  });
  await check(`${name}: an error`, async () => {
    const res = await client.request("weather.v1.Weather/Get", { city: "Atlantis" });
    assert.equal(res.error.message, 'no city named "Atlantis"');
    assert.equal(res.error.data.code, "not_found");
  });
  await check(`${name}: an unknown method`, async () => {
    const res = await client.request("weather.v1.Weather/Gone", {});
    assert.equal(res.error.code, -32601);
  });
  await check(`${name}: a batch`, async () => {
    const res = await client.request([
      client.request("weather.v1.Weather/Get", { city: "Oslo" }, "a", false),
      client.request("weather.v1.Weather/Get", { city: "Lisbon" }, "b", false),
      client.request("weather.v1.Weather/Get", { city: "Oslo" }, null, false),
    ]);
    assert.deepEqual(res.map((r) => r.id).sort(), ["a", "b"]);
  });
}
total();
