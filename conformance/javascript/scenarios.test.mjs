// Every scenario of the list with the JavaScript SDKs.
import { appendFileSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { Sdk } from "./sdk.mjs";
import { VERSION, World } from "./world.mjs";

const env = process.env;
const scenarios = JSON.parse(readFileSync(env.CONFORMANCE_SCENARIOS, "utf8"));
const write = (variable, line) => appendFileSync(env[variable], `${JSON.stringify(line)}\n`);

/** Keeps what goes over the wire, for the parity table. */
const seen = {
  name: "conformanceTraffic",
  async sendRequest(request, next) {
    const response = await next(request);
    write("CONFORMANCE_TRAFFIC", {
      method: request.method,
      url: request.url,
      status: response.status,
      request: request.body ?? null,
      response: response.bodyAsText ?? null,
    });
    return response;
  },
};

const options = { retryOptions: { maxRetries: 0 }, additionalPolicies: [{ policy: seen, position: "perRetry" }] };
const clients = Object.fromEntries(
  Object.entries(JSON.parse(env.CONFORMANCE_CLIENTS)).map(([name, given]) => [
    name,
    new Sdk(env.CONFORMANCE_ENDPOINT, given, options),
  ]),
);

for (const [serial, scenario] of scenarios.entries()) {
  const leftOut = scenario.not?.javascript ?? (scenario.since > VERSION ? "newer than the SDK" : undefined);
  test(scenario.id, { skip: leftOut, timeout: 120_000 }, async () => {
    const began = Date.now();
    const result = { scenario: scenario.id, status: "passed" };
    try {
      await new World(scenario, serial, env, clients).run();
    } catch (error) {
      Object.assign(result, { status: "failed", reason: String(error?.message ?? error).slice(0, 2000) });
      throw error;
    } finally {
      write("CONFORMANCE_RESULTS", { ...result, seconds: (Date.now() - began) / 1000 });
    }
  });
  if (leftOut) write("CONFORMANCE_RESULTS", { scenario: scenario.id, status: "skipped" });
}
