// Reads CloudEvents (a JSON array of POST bodies) from standard input, parses each with the SDK's own parser and prints
// what it made of them, one JSON line each.
import { text } from "node:stream/consumers";
import { parseCallAutomationEvent } from "@azure/communication-call-automation";

for (const body of JSON.parse(await text(process.stdin))) {
  try {
    const event = parseCallAutomationEvent(body);
    process.stdout.write(JSON.stringify({ type: JSON.parse(body)[0].type, event }) + "\n");
  } catch (error) {
    process.stdout.write(JSON.stringify({ type: JSON.parse(body)[0].type, error: String(error) }) + "\n");
  }
}
