// A check has a name and is a function that throws. Each program prints one line per check, and a total for run.sh.
import assert from "node:assert/strict";

let passed = 0;
let failed = 0;

export async function check(name, f) {
  try {
    await f();
    passed++;
    console.log(`ok    ${name}`);
  } catch (err) {
    failed++;
    console.log(`FAIL  ${name}: ${err.stack ?? err}`);
  }
}

export function total() {
  console.log(`total ${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

export { assert };

// all returns what a stream yields.
export async function all(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}
