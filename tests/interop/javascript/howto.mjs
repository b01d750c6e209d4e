// Does what the how-to pages show. Each line of standard input is {"id", "do": a snippet's name, "with": what a reader fills
// in}; the answer is {"id", "answer"}, or {"id", "refused": {"status", "code"}}. Events are printed with what the pages'
// handlers read of them.
import { createInterface } from "node:readline";
import { client, listen, say } from "./common.mjs";
import { control } from "./howto_control.mjs";
import { readers } from "./howto_events.mjs";
import { play } from "./howto_play.mjs";
import { recognise } from "./howto_recognise.mjs";

const snippets = { ...play, ...recognise, ...control };

listen({
  async event(event, path) {
    say({ event: event.kind, path, read: readers[event.kind]?.(event), data: event });
  },
});
for await (const line of createInterface({ input: process.stdin })) {
  const { id, do: name, with: given } = JSON.parse(line);
  try {
    const answer = await snippets[name](client, given);
    say({ id, answer: { ...answer?.callConnectionProperties, operationContext: answer?.operationContext } });
  } catch (error) {
    if (error.statusCode === undefined) throw error;
    say({ id, refused: { status: error.statusCode, code: error.code } });
  }
}
process.exit();
