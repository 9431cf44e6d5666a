// A page of another origin, in Chromium, calls through connect-web: browser.js ADDR DESCRIPTORS PORT. Only pages from PORT may.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { assert, check, total } from "./check.js";

const [addr, descriptors, port] = process.argv.slice(2);
const bundle = await build({ entryPoints: ["page.js"], bundle: true, write: false, format: "iife", logLevel: "error" });
const html = `<!doctype html><title>page</title><script>${bundle.outputFiles[0].text.replaceAll("</script", "<\\/script")}</script>`;
const pages = [Number(port), 0].map((p) =>
  createServer((_, res) => res.setHeader("Content-Type", "text/html").end(html)).listen(p, "127.0.0.1"),
);
const origin = (server) => `http://127.0.0.1:${server.address().port}`;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
});
try {
  const page = await browser.newPage();
  const seen = [];
  page.on("request", (req) => seen.push(req.method()));
  await page.goto(origin(pages[0]));
  const set = readFileSync(descriptors).toString("base64");
  for (const protocol of ["connect", "grpc-web"]) {
    for (const binary of [true, false]) {
      const name = `Chromium, ${protocol}, ${binary ? "proto" : "JSON"}`;
      const call = (what) => page.evaluate((args) => globalThis.call(args), { set, baseUrl: `http://${addr}`, protocol, binary, ...what });
      await check(`${name}: unary`, async () => assert.equal((await call({ city: "Oslo" })).celsius, -3));
      await check(`${name}: an error`, async () => {
        const { code, message } = await call({ city: "Atlantis" });
        assert.equal(code, "NotFound");
        assert.equal(message, 'no city named "Atlantis"');
      });
      await check(`${name}: server stream`, async () => assert.deepEqual(await call({ city: "Oslo", watch: true }), ["Oslo"]));
    }
  }
  await check("Chromium, connect by GET", async () => {
    seen.length = 0;
    const report = await page.evaluate((args) => globalThis.call(args), {
      set, baseUrl: `http://${addr}`, protocol: "connect", binary: false, get: true, city: "Oslo",
    });
    assert.equal(report.celsius, -3);
    assert.deepEqual(seen, ["GET"]);
  });
  await page.goto(origin(pages[1]));
  await check("Chromium, an origin that may not call", async () => {
    const { code, message } = await page.evaluate((args) => globalThis.call(args), {
      set, baseUrl: `http://${addr}`, protocol: "connect", binary: false, city: "Oslo",
    });
    assert.equal(code, "Unknown");
    assert.match(message, /fetch/i);
  });
} finally {
  await browser.close();
  for (const server of pages) server.close();
}
total();
