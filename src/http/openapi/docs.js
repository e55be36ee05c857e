"use strict";

const METHODS = ["post", "get", "put", "patch", "delete"];
const byId = (id) => document.getElementById(id);
let api;

/** An element; strings become text, never markup. */
function el(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child != null && child !== false));
  return element;
}

const schemas = () => api.components.schemas;
const refName = (schema) => schema?.$ref?.split("/").pop();
const resolve = (schema) => (schema?.$ref ? schemas()[refName(schema)] : schema);

/** The little Markdown the document uses: paragraphs, lists, `code`, **strong**. */
function markdown(text) {
  const blocks = text.trim().split(/\n\s*\n/).map((block) => {
    const lines = block.split("\n");
    if (lines.every((line) => line.startsWith("- "))) return el("ul", {}, lines.map((line) => el("li", {}, inline(line.slice(2)))));
    return el("p", {}, inline(lines.join(" ")));
  });
  return el("div", { class: "prose" }, blocks);
}

function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.startsWith("**")) return el("strong", {}, part.slice(2, -2));
    if (!part.startsWith("`")) return part;
    const code = part.slice(1, -1);
    const node = el("code", {}, code);
    return schemas()[code] ? el("a", { href: `#schema-${code}` }, node) : node;
  });
}

/** The type of a value, with links to named schemas. */
function typeOf(schema) {
  const name = refName(schema);
  if (name) return [el("a", { href: `#schema-${name}` }, name)];
  if (schema.type === "array") return [...typeOf(schema.items), "[]"];
  if (schema.oneOf) return schema.oneOf.flatMap((form, place) => [place ? " | " : "", ...typeOf(form)]);
  if (schema.additionalProperties?.$ref) return ["map of ", ...typeOf(schema.additionalProperties)];
  if (schema.format && schema.format !== "int32" && schema.format !== "int64") return [`${schema.type} (${schema.format})`];
  return [schema.type ?? "any"];
}

function rules(schema) {
  const own = schema.$ref ? { default: schema.default } : schema;
  const parts = [];
  const values = own.enum ?? (own.type === "array" ? own.items.enum : undefined);
  if (values) parts.push(values.map((value) => el("code", {}, String(value))));
  if (own.minimum !== undefined) parts.push(`≥ ${own.minimum}`);
  if (own.maximum !== undefined && own.maximum !== Number.MAX_SAFE_INTEGER) parts.push(`≤ ${own.maximum}`);
  if (own.maxLength !== undefined) parts.push(`${own.minLength ?? 0} to ${own.maxLength} characters`);
  if (own.maxItems !== undefined) parts.push(`at most ${own.maxItems} items`);
  if (own.default !== undefined) parts.push(["default ", el("code", {}, String(own.default))]);
  return parts.map((part) => el("span", { class: "rule" }, part));
}

function field(name, schema, required, about) {
  const text = about ?? schema.description;
  return el("div", { class: "field" },
    el("div", { class: "head" }, el("span", { class: "name" }, name), el("span", { class: "type" }, typeOf(schema)),
      required && el("span", { class: "must" }, "required"), rules(schema)),
    text && markdown(text), nested(schema));
}

/** What is inside a value, made when somebody opens it. */
function nested(schema) {
  const inner = schema.type === "array" ? schema.items : schema;
  const shape = resolve(inner);
  if (!shape || !(shape.properties || shape.oneOf || shape.allOf)) {
    if (!shape?.enum || !inner.$ref) return null;
    return el("div", { class: "rule" }, shape.enum.length < 12 && shape.enum.map((value) => el("code", {}, value)));
  }
  const count = Object.keys(members(shape).properties).length;
  const label = refName(inner) ?? (count ? `${count} field${count === 1 ? "" : "s"}` : "forms");
  const details = el("details", { class: "more" }, el("summary", {}, `Show ${label}`));
  details.addEventListener("toggle", () => details.append(fields(shape)), { once: true });
  return details;
}

/** The members of an object, those of its parts included. */
function members(shape) {
  const own = { properties: { ...shape.properties }, required: [...(shape.required ?? [])] };
  for (const part of shape.allOf ?? []) {
    const { properties, required } = members(resolve(part));
    Object.assign(own.properties, properties);
    own.required.push(...required);
  }
  return own;
}

function fields(given) {
  const shape = resolve(given);
  if (shape.oneOf) return el("div", { class: "fields" }, shape.oneOf.map((form, place) => field(formName(form, place), form, false)));
  if (shape.type === "array") return el("div", { class: "fields" }, field("each item", shape.items, false));
  const { properties, required } = members(shape);
  const entries = Object.entries(properties);
  if (!entries.length) return el("div", { class: "fields" }, field("value", shape, false, ""));
  const order = entries.sort(([one], [other]) => required.includes(other) - required.includes(one));
  return el("div", { class: "fields" }, order.map(([name, schema]) => field(name, schema, required.includes(name))));
}

const formName = (form, place) => form.properties?.type?.enum?.[0] ?? (place ? "or" : "either");

/** A value that fits the schema: its example, or one made of its parts. */
function sample(schema, depth = 0) {
  const shape = resolve(schema);
  if (!shape) return null;
  const given = shape.examples?.[0] ?? shape.example ?? shape.default;
  if (given !== undefined) return given;
  if (shape.enum) return shape.enum[0];
  if (shape.oneOf) return sample(shape.oneOf[0], depth);
  if (shape.type === "array") return depth > 3 ? [] : [sample(shape.items, depth + 1)];
  if (shape.allOf) return Object.assign({}, ...shape.allOf.map((part) => sample(part, depth)));
  if (shape.type === "object") {
    const { properties, required } = members(shape);
    return Object.fromEntries(required.map((name) => [name, sample(properties[name], depth + 1)]));
  }
  return { string: "text", integer: Math.max(shape.minimum ?? 0, 0), number: 1, boolean: true }[shape.type] ?? null;
}

function block(title, text, coloured) {
  const copy = el("button", { class: "copy", type: "button", "aria-label": `Copy: ${title}` }, "Copy");
  copy.addEventListener("click", async () => {
    await navigator.clipboard?.writeText(text);
    copy.textContent = "Copied";
    setTimeout(() => { copy.textContent = "Copy"; }, 1200);
  });
  return el("div", { class: "sample" }, el("header", {}, title, copy),
    el("pre", { tabindex: "0" }, coloured ? colours(text) : text));
}

function colours(json) {
  return json.split(/("(?:[^"\\]|\\.)*"(?:\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?)/).map((part, place) => {
    if (place % 2 === 0) return part;
    return el("span", { class: part.endsWith(":") ? "k" : part.startsWith('"') ? "s" : "l" }, part);
  });
}

const pretty = (value) => JSON.stringify(value, null, 2);

function exampleOf(content) {
  const [type, media] = Object.entries(content ?? {})[0] ?? [];
  if (!media) return null;
  const named = Object.values(media.examples ?? {})[0]?.value;
  const value = media.example ?? named ?? sample(media.schema);
  return type.includes("json") ? { type, text: pretty(value), json: true } : { type, text: media.example, json: false };
}

function curl({ method, path, operation }) {
  const sent = exampleOf(operation.requestBody?.content);
  const streams = Object.values(operation.responses).some((answer) => answer.content?.["text/event-stream"]);
  const filled = path.replace("{taskId}", "report-7").replace("{workerId}", "worker-7").replace("{clientId}", "browser-1");
  const implied = method === "get" || (method === "post" && sent);
  const lines = [`curl ${streams ? "-N " : ""}${implied ? "" : `-X ${method.toUpperCase()} `}${location.origin}${filled}`];
  if (operation.security) lines.push(`-H "Authorization: Bearer $TOKEN"`);
  if (sent) lines.push(`--json '${sent.text.replaceAll("'", "'\\''")}'`);
  return lines.join(" \\\n  ");
}

function parameters(operation) {
  const titles = { path: "Path", query: "Query", header: "Headers" };
  return Object.entries(titles).flatMap(([place, title]) => {
    const some = (operation.parameters ?? []).filter((parameter) => parameter.in === place);
    if (!some.length) return [];
    const rows = some.map((parameter) => field(parameter.name, parameter.schema, parameter.required, parameter.description));
    return [el("h4", {}, title), el("div", { class: "fields" }, rows)];
  });
}

/** The answers, good ones first. */
function answersOf(operation) {
  const rank = (status) => (/^[123]/.test(status) ? 0 : status === "default" ? 2 : 1);
  return Object.entries(operation.responses).sort(([one], [other]) => rank(one) - rank(other));
}

function answer(status, response) {
  const fails = /^[45]/.test(status) || (status === "default" && response.content);
  const media = Object.values(response.content ?? {})[0];
  const codes = [...new Set(Object.values(media?.examples ?? {}).map((example) => example.value.code))];
  const kind = status.startsWith("2") || status.startsWith("1") ? "fine" : fails ? "bad" : "other";
  const heads = Object.entries(response.headers ?? {});
  const head = [el("span", { class: `status ${kind}` }, status),
    codes.length ? el("span", { class: "codes" }, codes.join(", ")) : el("span", {}, inline(response.description))];
  if (!media && !heads.length) return el("div", { class: "row" }, head);
  const details = el("details", {}, el("summary", {}, head));
  details.addEventListener("toggle", () => details.append(el("div", { class: "inside" },
    codes.length > 0 && markdown(response.description),
    heads.length > 0 && el("div", { class: "fields" }, heads.map(([name, header]) => field(name, header.schema, false, header.description))),
    media?.schema?.$ref && el("p", {}, "Body: ", typeOf(media.schema)),
    media && !codes.length && (resolve(media.schema).properties || resolve(media.schema).allOf || resolve(media.schema).oneOf) && fields(media.schema),
    codes.length > 0 && Object.values(media.examples).map((example) => el("pre", { class: "codes" }, colours(JSON.stringify(example.value)))),
  )), { once: true });
  return details;
}

function operationView(entry) {
  const { method, path, operation, incoming } = entry;
  const scope = operation.security?.[0]?.Bearer?.[0];
  const body = operation.requestBody;
  const media = body && Object.values(body.content)[0];
  const [status, success] = Object.entries(operation.responses).find(([code]) => code.startsWith("2")) ?? [];
  const example = exampleOf(success?.content);
  const sent = exampleOf(body?.content);
  const steps = path.split(/(\{\w+\})/).map((part) => (part.startsWith("{") ? el("b", {}, part) : part));
  return el("section", { class: "op", id: operation.operationId, "aria-labelledby": `t-${operation.operationId}` },
    el("h3", { id: `t-${operation.operationId}` }, el("a", { href: `#${operation.operationId}` }, operation.summary)),
    el("div", { class: "route" }, el("span", { class: `method ${method}` }, method.toUpperCase()),
      el("code", { class: "path" }, incoming ? "the webhook's url" : steps),
      scope && el("span", { class: "scope" }, "scope ", el("code", {}, scope))),
    el("div", { class: "halves" },
      el("div", {}, operation.description && markdown(operation.description), parameters(operation),
        body && [el("h4", {}, "Body ", el("small", {}, inline(body.description ?? ""))), fields(media.schema)],
        el("h4", {}, "Answers"),
        el("div", { class: "answers" }, answersOf(operation).map(([code, response]) => answer(code, response)))),
      el("div", { class: "samples" }, incoming ? sent && block("Request", sent.text, true) : block("Request", curl(entry), false),
        example?.text && block(`${status} · ${example.type}`, example.text, example.json))));
}

function schemaView(name) {
  const schema = schemas()[name];
  const plain = schema.enum;
  return el("section", { class: "schema", id: `schema-${name}`, "aria-labelledby": `t-${name}` },
    el("h3", { id: `t-${name}` }, el("a", { href: `#schema-${name}` }, name)),
    el("div", { class: "halves" },
      el("div", {}, schema.description && markdown(schema.description), el("h4", {}, plain ? "Values" : "Fields"),
        plain ? el("div", { class: "fields" }, el("div", { class: "field rule" }, plain.map((value) => [el("code", {}, value), " "]))) : fields(schema)),
      el("div", { class: "samples" }, !plain && block("Example", pretty(sample(schema)), true))));
}

/** Groups of operations in the order of the document. */
function groups() {
  const about = new Map((api.tags ?? []).map((tag) => [tag.name, { about: tag.description, entries: [] }]));
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((name) => item[name])) {
      const tag = item[method].tags?.[0] ?? "Other";
      if (!about.has(tag)) about.set(tag, { about: "Health, metrics, documentation and the admin token.", entries: [] });
      about.get(tag).entries.push({ method, path, operation: item[method] });
    }
  }
  const incoming = Object.entries(api.webhooks ?? {}).flatMap(([path, item]) =>
    METHODS.filter((name) => item[name]).map((method) => ({ method, path, operation: item[method], incoming: true })));
  if (incoming.length) about.set("Webhooks", { about: "Requests the server makes.", entries: incoming });
  return about;
}

const searchable = [];

function group(title, about, items) {
  const list = el("ul", {});
  const heading = el("h2", {}, title);
  byId("sidebar").append(heading, list);
  const section = el("section", { class: "group", "aria-label": title }, el("h2", {}, title), about && el("p", {}, about));
  byId("content").append(section);
  for (const { id, label, badge, view, text } of items) {
    const link = el("a", { href: `#${id}` }, el("span", {}, label), badge && el("span", { class: `method ${badge}` }, badge === "delete" ? "DEL" : badge.toUpperCase()));
    const row = el("li", {}, link);
    list.append(row);
    section.append(view);
    searchable.push({ text: text.toLowerCase(), row, view, link, parts: [heading, section] });
  }
}

function render() {
  byId("version").textContent = api.info.version;
  byId("notice").hidden = true;
  byId("sidebar").append(el("ul", {}, el("li", {}, el("a", { href: "#overview" }, "Overview"))));
  byId("content").append(el("section", { id: "overview" }, el("h1", {}, `${api.info.title} reference`), markdown(api.info.description)));
  for (const [title, { about, entries }] of groups()) {
    group(title, about, entries.map((entry) => ({
      id: entry.operation.operationId, label: entry.operation.summary, badge: entry.method, view: operationView(entry),
      text: `${entry.method} ${entry.path} ${JSON.stringify(entry.operation)}`,
    })));
  }
  group("Schemas", "", Object.keys(schemas()).map((name) => ({
    id: `schema-${name}`, label: name, view: schemaView(name), text: `${name} ${JSON.stringify(schemas()[name])}`,
  })));
}

function search(wanted) {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = new Set();
  for (const { text, row, view, parts } of searchable) {
    const fits = words.every((word) => text.includes(word));
    row.hidden = view.hidden = !fits;
    if (fits) parts.forEach((part) => shown.add(part));
  }
  for (const { parts } of searchable) parts.forEach((part) => { part.hidden = !shown.has(part); });
  scrollTo({ top: 0, behavior: "instant" });
  byId("overview").hidden = words.length > 0;
  byId("notice").hidden = shown.size > 0;
  byId("notice").textContent = `Nothing fits “${wanted}”.`;
}

/** Marks the entry of what is being read. */
function follow() {
  const links = new Map([...document.querySelectorAll(".sidebar a")].map((link) => [link.hash.slice(1), link]));
  let current;
  const observer = new IntersectionObserver((entries) => {
    const entry = entries.find(({ isIntersecting }) => isIntersecting);
    const link = links.get(entry?.target.id);
    if (!link || link === current) return;
    current?.removeAttribute("aria-current");
    link.setAttribute("aria-current", "true");
    current = link;
    const box = link.getBoundingClientRect();
    if (box.top < 80 || box.bottom > innerHeight) link.scrollIntoView({ block: "center", behavior: "instant" });
  }, { rootMargin: "-15% 0px -80% 0px" });
  document.querySelectorAll("#overview, .op, .schema").forEach((section) => observer.observe(section));
}

function openMenu(open) {
  byId("sidebar").classList.toggle("open", open);
  byId("menu").setAttribute("aria-expanded", String(open));
}

/** Goes where the address says, also when it was there before, or is hidden by a search. */
function go() {
  const target = byId(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.hidden) { byId("search").value = ""; search(""); }
  target.scrollIntoView({ behavior: "instant" });
}

function listen() {
  byId("search").addEventListener("input", (event) => search(event.target.value.trim()));
  byId("menu").addEventListener("click", () => openMenu(byId("menu").getAttribute("aria-expanded") === "false"));
  byId("sidebar").addEventListener("click", (event) => event.target.closest("a") && openMenu(false));
  addEventListener("hashchange", go);
  addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      byId("search").focus();
    }
    if (event.key !== "Escape") return;
    openMenu(false);
    if (document.activeElement === byId("search")) { byId("search").value = ""; search(""); }
  });
}

function colourScheme() {
  const stored = () => { try { return localStorage.getItem("taskcast-docs-theme"); } catch { return null; } };
  const apply = (theme) => { document.documentElement.dataset.theme = theme ?? ""; };
  apply(stored());
  byId("theme").addEventListener("click", () => {
    const dark = document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    const theme = dark === "dark" ? "light" : "dark";
    apply(theme);
    try { localStorage.setItem("taskcast-docs-theme", theme); } catch { /* The choice lasts as long as the page. */ }
  });
}

async function start() {
  colourScheme();
  try {
    const response = await fetch("openapi.json");
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    api = await response.json();
  } catch (error) {
    byId("notice").textContent = `The description of the API could not be read (${error.message}). Reload to try again.`;
    return;
  }
  render();
  listen();
  follow();
  go();
}

start();
