// @grpc/grpc-js: grpcjs.js ADDR PROTODIR GOOGLEAPIS
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";
import { all, assert, check, total } from "./check.js";

const [addr, ...includeDirs] = process.argv.slice(2);
const definition = loader.loadSync("weather/v1/weather.proto", { includeDirs, keepCase: false });
const { Weather } = grpc.loadPackageDefinition(definition).weather.v1;

for (const [name, options] of [["grpc-js", {}], ["grpc-js, gzip", { "grpc.default_compression_algorithm": 2 }]]) {
  const client = new Weather(addr, grpc.credentials.createInsecure(), options);
  const get = (req, meta = new grpc.Metadata(), opts = {}) =>
    new Promise((resolve, reject) => client.get(req, meta, opts, (err, res) => (err ? reject(err) : resolve(res))));

  await check(`${name}: unary`, async () => {
    assert.equal((await get({ city: "Oslo" })).celsius, -3);
  });
  await check(`${name}: an error`, async () => {
    await assert.rejects(get({ city: "Atlantis" }), (err) => {
      assert.equal(err.code, grpc.status.NOT_FOUND);
      assert.equal(err.details, 'no city named "Atlantis"');
      return true;
    });
  });
  await check(`${name}: metadata`, async () => {
    const meta = new grpc.Metadata();
    meta.add("x-text", "one");
    meta.add("x-raw-bin", Buffer.from([0, 255]));
    assert.equal((await get({ city: "Oslo" }, meta)).celsius, -3);
  });
  await check(`${name}: server stream`, async () => {
    const reports = await all(client.watch({ city: "Oslo", reports: 1 }));
    assert.deepEqual(reports.map((r) => r.city), ["Oslo"]);
  });
  await check(`${name}: a deadline`, async () => {
    const stream = client.watch({ city: "Oslo", reports: 100 }, { deadline: Date.now() + 200 });
    await assert.rejects(all(stream), (err) => err.code === grpc.status.DEADLINE_EXCEEDED);
  });
  await check(`${name}: cancellation`, async () => {
    const stream = client.watch({ city: "Oslo", reports: 100 });
    stream.once("data", () => stream.cancel());
    await assert.rejects(all(stream), (err) => err.code === grpc.status.CANCELLED);
  });
  await check(`${name}: client stream`, async () => {
    const summary = await new Promise((resolve, reject) => {
      const stream = client.record((err, res) => (err ? reject(err) : resolve(res)));
      for (const celsius of [18, 20, 22]) stream.write({ city: "Lisbon", celsius });
      stream.end();
    });
    assert.equal(summary.averageCelsius, 20);
  });
  await check(`${name}: bidi stream`, async () => {
    const stream = client.chat();
    stream.write({ text: "one" });
    stream.end({ text: "two" });
    const notes = await all(stream);
    assert.deepEqual(notes.map((n) => n.text), ["you said: one", "you said: two"]);
  });
  client.close();
}
total();
