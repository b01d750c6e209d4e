// What scenarios expect: substitution of ${names}, and patterns against plain values.
import { isDeepStrictEqual } from "node:util";

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
export const isGuid = (value) => typeof value === "string" && GUID.test(value);

function lookUp(path, names) {
  const [first, ...rest] = path.split(".");
  if (!(first in names)) throw new Error(`the scenario uses \${${path}}, which is not set`);
  return rest.reduce((value, key) => value?.[key], names[first]);
}

/**
 * `value` with every ${name} replaced; alone in a string it keeps its type. A key `name@version` is for SDKs of that
 * version or newer, as this one is.
 */
export function fill(value, names) {
  if (Array.isArray(value)) return value.map((one) => fill(one, names));
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key.split("@")[0], fill(one, names)]));
  }
  if (typeof value !== "string") return value;
  const alone = /^\$\{([^}]+)\}$/.exec(value);
  if (alone) return lookUp(alone[1], names);
  return value.replace(/\$\{([^}]+)\}/g, (_, path) => String(lookUp(path, names)));
}

function pattern(wanted, found) {
  const [, kind, rest] = /^~([a-z]+):?(.*)$/s.exec(wanted);
  const missing = found === undefined || found === null;
  if (kind === "absent") return missing;
  if (missing) return false;
  switch (kind) {
    case "any": return true;
    case "guid": return isGuid(found);
    case "int": return Number.isInteger(found);
    case "count": return Array.isArray(found) && found.length === Number(rest);
    case "contains": return typeof found === "string" && found.toLowerCase().includes(rest.toLowerCase());
    case "matches": return typeof found === "string" && new RegExp(rest).test(found);
    case "not": return String(found) !== rest;
    default: throw new Error(`the scenario uses an unknown pattern ${wanted}`);
  }
}

/** Where `found` is not as `wanted`; empty when it is. */
export function differences(wanted, found, where = "") {
  const shown = `${where || "it"} is ${JSON.stringify(found)}`;
  if (typeof wanted === "string" && wanted.startsWith("~")) {
    return pattern(wanted, found) ? [] : [`${shown}, not ${wanted}`];
  }
  if (Array.isArray(wanted)) {
    if (!Array.isArray(found) || found.length !== wanted.length) {
      return [`${shown}, not ${wanted.length} elements: ${JSON.stringify(wanted)}`];
    }
    return wanted.flatMap((one, number) => differences(one, found[number], `${where}[${number}]`));
  }
  if (wanted !== null && typeof wanted === "object") {
    if ("~has" in wanted) {
      const has = Array.isArray(found) && found.some((one) => differences(wanted["~has"], one).length === 0);
      return has ? [] : [`${shown}, without one like ${JSON.stringify(wanted["~has"])}`];
    }
    if (found === null || typeof found !== "object") return [`${shown}, not an object`];
    return Object.entries(wanted).flatMap(([key, one]) => differences(one, found[key], `${where}.${key}`));
  }
  return isDeepStrictEqual(wanted, found) ? [] : [`${shown}, not ${JSON.stringify(wanted)}`];
}
