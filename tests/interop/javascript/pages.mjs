// Lists the participants of a call page by page, as the SDK does, and prints who they are.
import { CallAutomationClient } from "@azure/communication-call-automation";

const client = new CallAutomationClient(process.env.ACS_CONNECTION_STRING, { allowInsecureConnection: true });
const listed = await client.getCallConnection(process.env.CONNECTION).listParticipants();
console.log(JSON.stringify(listed.values.map((one) => one.identifier.rawId)));
