// Reads CloudEvents (a JSON array of POST bodies) from standard input, parses each with the SDK's own parser and prints
// what it made of them, one JSON line each.
import { readFileSync } from "node:fs";
import { parseCallAutomationEvent } from "@azure/communication-call-automation";

for (const body of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    const event = parseCallAutomationEvent(body);
    process.stdout.write(JSON.stringify({ type: JSON.parse(body)[0].type, event }) + "\n");
  } catch (error) {
    process.stdout.write(JSON.stringify({ type: JSON.parse(body)[0].type, error: String(error) }) + "\n");
  }
}
