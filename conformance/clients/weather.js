// The service of the example, from its descriptors, and what every client of it checks.
import { readFileSync } from "node:fs";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { assert, check } from "./check.js";

export function loadService(path) {
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(path))).getService("weather.v1.Weather");
}

async function* each(items) {
  yield* items;
}

// checkAll calls the methods of all kinds that the transport can carry, through a transport of connect-es.
export async function checkAll(name, service, transport, { clientStreams = true, bidi = true, large = true } = {}) {
  const client = createClient(service, transport);
  await check(`${name}: unary`, async () => {
    const report = await client.get({ city: "Oslo" });
    assert.equal(report.celsius, -3);
    assert.equal(report.summary, "freezing");
  });
  await check(`${name}: an error`, async () => {
    await assert.rejects(client.get({ city: "Atlantis" }), (err) => {
      assert.ok(err instanceof ConnectError);
      assert.equal(err.code, Code.NotFound);
      assert.equal(err.rawMessage, 'no city named "Atlantis"');
      return true;
    });
  });
  if (large) await check(`${name}: a message of 100,000 bytes`, async () => {
    await assert.rejects(client.get({ city: "x".repeat(100_000) }), (err) => err.code === Code.NotFound);
  });
  await check(`${name}: server stream`, async () => {
    let n = 0;
    for await (const report of client.watch({ city: "Oslo", reports: 1 })) {
      n++;
      assert.equal(report.city, "Oslo");
    }
    assert.equal(n, 1);
  });
  await check(`${name}: a deadline`, async () => {
    await assert.rejects(
      async () => {
        for await (const _ of client.watch({ city: "Oslo", reports: 100 }, { timeoutMs: 200 }));
      },
      (err) => err.code === Code.DeadlineExceeded,
    );
  });
  if (clientStreams) {
    await check(`${name}: client stream`, async () => {
      const summary = await client.record(each([18, 20, 22].map((celsius) => ({ city: "Lisbon", celsius }))));
      assert.equal(summary.samples, 3);
      assert.equal(summary.averageCelsius, 20);
    });
  }
  if (bidi) {
    await check(`${name}: bidi stream`, async () => {
      const texts = [];
      for await (const note of client.chat(each([{ text: "one" }, { text: "two" }]))) {
        texts.push(note.text);
      }
      assert.deepEqual(texts, ["you said: one", "you said: two"]);
    });
  }
}
