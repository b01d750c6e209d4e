// Runs the page's script on a small stand-in for a browser's document, and tells what it drew.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
const html = readFileSync(join(folder, "page.html"), "utf8");
const script = html.split("<script>")[1].split("</script>")[0];
const api = JSON.parse(readFileSync(join(folder, "openapi.json"), "utf8"));

class Element {
  constructor(name) {
    this.tagName = name.toUpperCase();
    this.children = [];
    this.attributes = {};
    this.listeners = {};
    this.hidden = false;
    this.text = null;
  }
  get id() { return this.attributes.id; }
  setAttribute(name, value) { this.attributes[name] = String(value); }
  append(...nodes) {
    for (const node of nodes) {
      if (!(node instanceof Element) && typeof node !== "string") throw new Error(`appended ${JSON.stringify(node)}`);
      this.children.push(node);
    }
  }
  get textContent() { return this.text ?? this.children.map(one => one.textContent ?? one).join(""); }
  set textContent(text) { this.text = text; }
  within(found = []) {
    for (const one of this.children) {
      if (one instanceof Element) {
        found.push(one);
        one.within(found);
      }
    }
    return found;
  }
  querySelector(selector) {
    const [name, rest] = selector.split(":");
    return this.within().find(one => one.tagName === name.toUpperCase() && (!rest || !one.hidden)) ?? null;
  }
  addEventListener(name, listener) { this.listeners[name] = listener; }
  scrollIntoView() {}
  focus() {}
}

const parts = { main: new Element("main"), search: new Element("input"), count: new Element("span") };
parts.search.value = "";
const all = name => parts.main.within().filter(one => one.tagName === name);
globalThis.document = {
  createElement: name => new Element(name),
  getElementById: id => parts[id] ?? parts.main.within().find(one => one.id === id) ?? null,
  querySelectorAll: name => all(name.toUpperCase()),
};
globalThis.location = { hash: "#8523" };
globalThis.addEventListener = () => {};
globalThis.fetch = async () => ({ json: async () => api });

(0, eval)(script.replace("\nstart();", "\nglobalThis.started = start();"));
await globalThis.started;
const entries = all("DETAILS");
const opened = entries.filter(one => one.open).map(one => one.id);
const ids = new Set(parts.main.within().map(one => one.id));
const dead = all("A").map(one => one.attributes.href).filter(href => href.startsWith("#") && !ids.has(href.slice(1)));
parts.search.value = "stoptones";
parts.search.listeners.input();
console.log(JSON.stringify({
  entries: entries.map(one => one.id),
  opened,
  dead,
  found: entries.filter(one => !one.hidden).map(one => one.id),
  recognize: entries.find(one => one.id === "recognize").textContent,
}));
