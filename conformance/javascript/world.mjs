// One scenario against the server: people, steps, and what every event must look like.
import { parseCallAutomationEvent, StreamingData } from "@azure/communication-call-automation";
import { setTimeout as pause } from "node:timers/promises";
import { differences, fill, isGuid } from "./matching.mjs";
import { plain } from "./sdk.mjs";

const TIMEOUT = 15_000;
const PREFIX = "Microsoft.Communication.";
export const VERSION = "2026-03-12";
const OWN_SOURCE = ["RecordingStateChanged", "StartRecordingFailed"];

function must(condition, message) {
  if (!condition) throw new Error(message);
}

/** The event of a post, read by the SDK's parser, checked against the rules every event keeps. */
function eventOf(body, versions) {
  const [raw, ...more] = JSON.parse(body);
  must(more.length === 0, "a callback's body has more than one event");
  const { kind: name, ...data } = plain(parseCallAutomationEvent(body));
  must(raw.type === PREFIX + name, `${raw.type} was parsed as ${name}`);
  must(raw.subject === raw.source, "subject and source differ");
  must(isGuid(raw.id) && raw.specversion === "1.0" && raw.time.endsWith("+00:00"), `envelope of ${body}`);
  must(data.publicEventType === raw.type, `publicEventType is ${data.publicEventType}`);
  must(versions.has(data.version), `${name} has version ${data.version}`);
  must(isGuid(data.callConnectionId) && isGuid(data.correlationId), `ids of ${body}`);
  must(Buffer.from(data.serverCallId, "base64").toString("base64") === data.serverCallId, "serverCallId");
  must(
    OWN_SOURCE.includes(name) || raw.source === `calling/callConnections/${data.callConnectionId}`,
    `source is ${raw.source}`,
  );
  const { code, subCode, message } = data.resultInformation;
  must(Number.isInteger(code) && Number.isInteger(subCode) && typeof message === "string", `result of ${body}`);
  return { name, data };
}

async function send(method, url, body, headers = {}) {
  const answer = await fetch(url, {
    method,
    headers: { ...headers, "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(40_000),
  });
  const text = await answer.text();
  must(answer.ok, `${method} ${url}: ${answer.status} ${text.slice(0, 500)}`);
  return text ? JSON.parse(text) : undefined;
}

export class World {
  constructor(scenario, serial, env, clients) {
    const catcher = env.CONFORMANCE_CATCHER;
    this.scenario = scenario;
    this.serial = serial;
    this.env = env;
    this.clients = clients;
    this.box = `${env.CONFORMANCE_FLAVOUR}-${scenario.id}`;
    this.names = {
      ...JSON.parse(env.CONFORMANCE_NAMES),
      files: `${catcher}/files`,
      callback: `${catcher}/box/${this.box}/callbacks?key=a%20b`,
      elsewhere: `${catcher}/box/${this.box}-elsewhere/operation`,
      socket: `${catcher}/socket/${this.box}-socket`.replace("http:", "ws:"),
    };
    this.versions = new Set([VERSION]);
    this.phones = {};
    this.talkers = {};
    this.connections = {};
    this.used = new Set();
    this.read = {};
  }

  /** Everything; throws where the server is not as expected. */
  async run() {
    try {
      let number = 0;
      for (const [name, person] of Object.entries(this.scenario.people ?? {})) {
        await this.#person(name, number++, { ...person });
      }
      for (const [index, step] of this.scenario.steps.entries()) {
        if (step.not?.javascript) continue;
        try {
          await this.#step(step);
        } catch (error) {
          const shown = JSON.stringify(step).slice(0, 300);
          throw new Error(`step ${index + 1}, ${shown}: ${error?.message ?? JSON.stringify(error)}`, { cause: error });
        }
      }
    } finally {
      await this.#tidy();
    }
  }

  async #person(name, number, { kind, ...script }) {
    const run = this.env.CONFORMANCE_RUN;
    let identity;
    if (["phone", "nobody", "talker"].includes(kind)) {
      identity = `+142555${run}${String(this.serial).padStart(3, "0")}${number}`;
      this.names[name] = `4:${identity}`;
    } else {
      const user = `${run.padStart(8, "0")}-${String(this.serial).padStart(4, "0")}-4000-8000`;
      identity = `8:acs:${this.names.resource}_${user}-${String(number).padStart(12, "0")}`;
      this.names[name] = identity;
    }
    if (kind === "talker") this.talkers[name] = `${this.env.CONFORMANCE_CATCHER}/talkers/${identity}`;
    if (kind === "phone" || kind === "user") {
      const { displayName = name, ...rest } = script;
      this.phones[name] = `c${run}-${this.serial}-${name}`;
      await this.#control("PUT", this.phones[name], { identity, displayName, script: rest });
    }
  }

  async #step(step) {
    if ("phone" in step) return this.#phone(step);
    if ("do" in step) return this.#do(step);
    if ("event" in step) return this.#event(step);
    if ("incoming" in step) return this.#incoming(step);
    if ("frame" in step) return this.#frame(step);
    if ("break" in step) return send("POST", `${this.env.CONFORMANCE_CATCHER}/fault/${step.break}`);
    const of = step.of && this.connections[step.of];
    const mine = (await this.#events()).filter((one) => !of || one.data.callConnectionId === of);
    if ("order" in step) {
      const found = mine
        .filter((one) => (step.context ? one.data.operationContext === step.context : step.order.includes(one.name)))
        .map((one) => one.name);
      return must(differences(step.order, found).length === 0, `they came as ${found}`);
    }
    return must(!mine.some((one) => one.name === step.none), `there should be no ${step.none}`);
  }

  // --- operations -----------------------------------------------------------------------------------------

  async #do(step) {
    const deadline = Date.now() + (step.retry ? TIMEOUT : 0);
    for (;;) {
      try {
        return await this.#once(step);
      } catch (error) {
        if (Date.now() >= deadline) throw error;
      }
      await pause(50);
    }
  }

  async #once(step) {
    const given = fill(step.with ?? {}, this.names);
    const opens = ["createCall", "createGroupCall", "answerCall", "connect"].includes(step.do);
    if (opens) given.callbackUri ??= this.names.callback;
    const on = this.connections[step.on] ?? fill(step.on, this.names);
    const sdk = this.clients[step.client ?? "main"];
    this.versions.add(sdk.version);
    let result;
    try {
      result = await sdk.call(step.do, on, given);
    } catch (error) {
      if (!step.refused || error.statusCode === undefined) throw error;
      const found = { status: error.statusCode, code: error.code, says: error.details?.error?.message ?? error.message };
      const wrong = differences(fill(step.refused, this.names), found);
      return must(wrong.length === 0, `refused, but ${wrong.join("; ")} in ${JSON.stringify(found)}`);
    }
    must(!step.refused, `it was not refused but answered ${JSON.stringify(result)}`);
    if (result.callConnectionId && step.as) this.connections[step.as] = result.callConnectionId;
    else if (result.callConnectionId && opens) this.connections[`unnamed${result.callConnectionId}`] = result.callConnectionId;
    const wrong = differences(fill(step.expect ?? {}, this.names), result);
    must(wrong.length === 0, `answered, but ${wrong.join("; ")}`);
    if (step.as) this.names[step.as] = result;
  }

  // --- events ---------------------------------------------------------------------------------------------

  async #posts(box, wait = 0) {
    const read = (this.read[box] ??= []);
    const query = `after=${read.length}&timeoutMs=${Math.round(wait)}`;
    const answer = await send("GET", `${this.env.CONFORMANCE_CATCHER}/read/${box}?${query}`);
    read.push(...answer.posts);
    return read;
  }

  async #events(box = this.box, wait = 0) {
    return (await this.#posts(box, wait)).map((post) => {
      if (!post.event) {
        post.event = eventOf(post.body, this.versions);
        must(post.authorization.startsWith("Bearer "), "a callback without a token");
      }
      return post.event;
    });
  }

  async #event(step) {
    const box = step.box === "elsewhere" ? `${this.box}-elsewhere` : this.box;
    const wanted = fill(step.expect ?? {}, this.names);
    const deadline = Date.now() + TIMEOUT;
    let wait = 0;
    for (;;) {
      const near = [];
      const events = await this.#events(box, wait);
      for (const event of events) {
        if (event.name !== step.event || this.used.has(event)) continue;
        if (step.of && event.data.callConnectionId !== this.connections[step.of]) continue;
        const wrong = differences(wanted, event.data);
        if (wrong.length === 0) {
          this.used.add(event);
          if (step.as) this.names[step.as] = event.data;
          return;
        }
        near.push(wrong.join("; "));
      }
      const left = deadline - Date.now();
      const seen = events.map((one) => `${one.name} ${JSON.stringify(one.data.resultInformation)}`);
      must(left > 0, `no such event; of that type: ${JSON.stringify(near)}; seen: ${seen}`);
      wait = Math.min(left, 5000);
    }
  }

  async #incoming(step) {
    const wanted = fill(step.incoming, this.names);
    const deadline = Date.now() + TIMEOUT;
    let wait = 0;
    for (;;) {
      for (const post of await this.#posts("incoming", wait)) {
        const [event] = JSON.parse(post.body);
        if (event.eventType !== `${PREFIX}IncomingCall` || this.used.has(post)) continue;
        const data = plain(event.data);
        if (differences(wanted, data).length) continue;
        this.used.add(post);
        if (step.as) this.names[step.as] = data;
        return;
      }
      const left = deadline - Date.now();
      must(left > 0, `no IncomingCall like ${JSON.stringify(wanted)}`);
      wait = Math.min(left, 5000);
    }
  }

  /** A frame on the scenario's WebSocket, which the SDK's parser takes too. */
  async #frame(step) {
    const wanted = fill(step.expect ?? {}, this.names);
    const deadline = Date.now() + TIMEOUT;
    let wait = 0;
    for (;;) {
      const near = [];
      for (const post of await this.#posts(`${this.box}-socket`, wait)) {
        const frame = JSON.parse(post.body);
        if (frame.kind !== step.frame || this.used.has(post)) continue;
        const wrong = differences(wanted, frame[step.frame[0].toLowerCase() + step.frame.slice(1)]);
        if (wrong.length === 0) {
          const parsed = StreamingData.parse(post.body);
          must(StreamingData.getStreamingKind() === step.frame, `the SDK takes it for ${StreamingData.getStreamingKind()}`);
          if (step.frame === "TranscriptionData") {
            const { text, offset, words } = frame.transcriptionData;
            must(parsed.text === text && parsed.offsetInTicks === offset, `parsed as ${JSON.stringify(parsed)}`);
            must(parsed.words.length === words.length, `parsed as ${JSON.stringify(parsed)}`);
          }
          this.used.add(post);
          return;
        }
        near.push(wrong.join("; "));
      }
      const left = deadline - Date.now();
      must(left > 0, `no such frame; of that kind: ${JSON.stringify(near)}`);
      wait = Math.min(left, 5000);
    }
  }

  // --- phones ---------------------------------------------------------------------------------------------

  async #phone(step) {
    if (step.phone in this.talkers) return send("POST", `${this.talkers[step.phone]}/${step.do}`, step.with);
    const phone = this.phones[step.phone];
    if (step.do) return this.#control("POST", `${phone}/${step.do}`, fill(step.with ?? {}, this.names));
    const wanted = fill(step.expect ?? {}, this.names);
    const deadline = Date.now() + TIMEOUT;
    for (;;) {
      const call = await this.#control("GET", `${phone}/calls/last?state=${step.state}&timeoutMs=${TIMEOUT}`);
      const wrong = differences(wanted, call);
      if (wrong.length === 0) {
        if (step.as) this.names[step.as] = call;
        return;
      }
      must(Date.now() < deadline, `the phone's call: ${wrong.join("; ")}; it is ${JSON.stringify(call)}`);
      await pause(50);
    }
  }

  #control(method, path, body) {
    const url = `${this.env.CONFORMANCE_CONTROL}/hookflash/phones/${path}`;
    return send(method, url, body, { Authorization: `Bearer ${this.env.CONFORMANCE_KEY}` });
  }

  // --- the end --------------------------------------------------------------------------------------------

  /** End every call, check every event that came, take the phones away. */
  async #tidy() {
    for (const connection of new Set(Object.values(this.connections))) {
      await this.clients.main.call("terminateCall", connection, {}).catch(() => {}); // it may have ended
    }
    for (const phone of Object.values(this.phones)) await this.#control("DELETE", phone);
    for (const talker of Object.values(this.talkers)) await send("POST", `${talker}/hangup`, {});
    await this.#events();
    await this.#events(`${this.box}-elsewhere`);
  }
}
