// What every Node client's script stands on: as trial.py.
import assert from "node:assert/strict";

const checks = [];

/** Declares a check, and what it shows when it passes. */
export function shows(what, check) {
  checks.push([what, check]);
}

/** Runs the checks in order; prints the row of README's client matrix. */
export async function run(client, version) {
  for (const [what, check] of checks) {
    console.log(`${client}: ${what}`);
    await check();
  }
  console.log(`| ${client} | ${version} | ${checks.map(([what]) => what).join(", ")} |`);
}

/** The error that a promise must fail with. */
export async function fails(code, promise) {
  try {
    await promise;
  } catch (error) {
    assert.equal(error.code, code, error);
    return error;
  }
  assert.fail(`no error, ${code} expected`);
}

/** A promise that rejects if nothing happens in time. */
export function within(milliseconds, promise) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error("too late")), milliseconds).unref());
  return Promise.race([promise, late]);
}
