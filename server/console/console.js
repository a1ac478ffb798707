// The console's only script: asks /api/state every two seconds and draws it, and
// /api/preview when the playground is asked to. Text of others becomes text nodes,
// never markup. What is drawn again is changed in place, so that focus, selection and
// scrolling stay.

const PERIOD_MS = 2000;
const KEPT_MS = 5 * 60000;
const $ = (id) => document.getElementById(id);

// ---- Elements -------------------------------------------------------------

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((c) => c !== null && c !== undefined && c !== ""));
  return element;
}
const h = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const s = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// Makes `old` what `made` is, touching only what differs.
function morph(old, made) {
  if (old.nodeType !== made.nodeType || old.nodeName !== made.nodeName) return old.replaceWith(made);
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== made.data) old.data = made.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!made.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of [...made.attributes]) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  morphChildren(old, [...made.childNodes]);
}
function morphChildren(parent, made) {
  const old = [...parent.childNodes];
  made.forEach((node, i) => (i < old.length ? morph(old[i], node) : parent.append(node)));
  old.slice(made.length).forEach((node) => node.remove());
}
const draw = (id, ...children) => morphChildren($(id), [...h("div", {}, ...children).childNodes]);

// ---- Words ----------------------------------------------------------------

const count = (n) => new Intl.NumberFormat("en", { maximumFractionDigits: 0 }).format(n);
const share = (x) => (x === 0 ? "0%" : x > 0 && x < 0.001 ? "<0.1%" : `${(100 * x).toFixed(x < 0.0995 || x > 0.9 && x < 1 ? 1 : 0)}%`);
const rate = (x) => (x >= 100 ? count(x) : x >= 10 ? x.toFixed(1) : x.toFixed(2));
function seconds(x) {
  if (!Number.isFinite(x)) return "–";
  if (x === 0) return "0";
  const [value, unit] = x < 1e-3 ? [x * 1e6, "µs"] : x < 1 ? [x * 1e3, "ms"] : [x, "s"];
  return `${value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)} ${unit}`;
}
function span(x) {
  const [days, hours, minutes] = [Math.floor(x / 86400), Math.floor(x / 3600) % 24, Math.floor(x / 60) % 60];
  return days ? `${days} d ${hours} h` : hours ? `${hours} h ${minutes} min` : minutes ? `${minutes} min` : `${Math.floor(x)} s`;
}
const moment = (text) => {
  const time = new Date(text);
  return time.getTime() > 0 ? time.toLocaleString("sv-SE") : "–";
};
const bytes = (n) => (n >= 1 << 20 ? `${(n / (1 << 20)).toFixed(1)} MiB` : n >= 1024 ? `${(n / 1024).toFixed(0)} KiB` : `${n} B`);
const bar = (x) => s("svg", { "aria-hidden": "true" }, s("rect", { width: `${Math.max(0, Math.min(100, 100 * x)).toFixed(2)}%`, height: "100%" }));
const empty = (...children) => h("div", { class: "empty" }, ...children);
const commands = (...lines) => h("pre", {}, h("code", {}, lines.join("\n")));

// ---- Metrics --------------------------------------------------------------

// Of one answer: [{labels, value}] of a metric.
const samples = (state, name) => state.metrics[name] ?? [];
const matches = (sample, labels) => Object.entries(labels).every(([k, v]) => (v instanceof Array ? v.includes(sample.labels[k]) : sample.labels[k] === v));
const total = (state, name, labels = {}) => samples(state, name).filter((x) => matches(x, labels)).reduce((sum, x) => sum + x.value, 0);

// Cumulative buckets, [[upper bound, count]], of the latency.
const buckets = (state) => (samples(state, "attune_get_prompt_latency_seconds")[0]?.buckets ?? []).map(([bound, n]) => [bound === "+Inf" ? Infinity : bound, n]);
const minus = (now, then) => now.map(([bound, n], i) => [bound, n - (then[i]?.[1] ?? 0)]);

// As Prometheus' histogram_quantile.
function quantile(q, cumulative) {
  const all = cumulative.at(-1)?.[1] ?? 0;
  if (all === 0) return NaN;
  const i = cumulative.findIndex(([, n]) => n >= q * all);
  const [below, before] = i === 0 ? [0, 0] : cumulative[i - 1];
  const [bound, n] = cumulative[i];
  return bound === Infinity ? below : below + ((bound - below) * (q * all - before)) / (n - before);
}

// As the Grafana dashboard counts them.
const PROMPTS = ["GetPrompt", "StreamPrompts"];
const FAULTS = ["UNKNOWN", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNIMPLEMENTED"];
const REFUSALS = ["RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"];

// ---- Traffic --------------------------------------------------------------

const roleOf = (revision) => revision.state.replace("REVISION_STATE_", "").toLowerCase();
const signatureOf = (revision) => (revision.signature ? `no. ${revision.signature.number}, signed by ${revision.signature.key_id}` : "not signed");
const isUniform = (revision) => revision?.manifest.heads?.kind === "HEADS_KIND_UNIFORM";

// When the revision began to be what it is; null if the changes do not reach back.
function since(state, role, id) {
  const change = state.changes.find((c) => c.action !== "not_applied" && c.after?.[role] === id && c.before?.[role] !== id);
  return change ? change.time : null;
}

function drawTraffic(state) {
  const { traffic } = state;
  const find = (id) => state.revisions.find((r) => r.revision_id === id);
  const canaryShare = traffic.canary?.share ?? 0;
  const card = (role, id, served) => {
    const revision = find(id);
    const began = since(state, role, id);
    return h("div", { class: role },
      h("dt", {}, `${role}, ${served}`), h("dd", { class: "id" }, id),
      h("dd", {}, `policy ${revision?.manifest.policy ?? "?"}, ${revision ? (isUniform(revision) && !revision.byte_size ? "drawn uniformly" : signatureOf(revision)) : "not listed"}`),
      began ? h("dd", {}, `${role} since ${moment(began)}`) : null);
  };
  const cards = [card("active", traffic.active, share(1 - canaryShare) + " of users")];
  if (traffic.canary) cards.push(card("canary", traffic.canary.revision, share(canaryShare) + " of users"));
  if (traffic.shadow) cards.push(card("shadow", traffic.shadow, "answers nobody"));
  draw("traffic-body",
    state.stored_revisions === 0 ? empty(
      h("p", {}, "No revision yet: prompts are drawn uniformly from the catalog. Train one and push it:"),
      commands("attune_trainer train --backend sim --budget 64 --catalog policy/catalogs/movies.yaml --out run", "attune push run/revision.attune --activate")) : null,
    s("svg", { class: "share", role: "img", "aria-label": `active ${share(1 - canaryShare)}, canary ${share(canaryShare)} of users` },
      s("rect", { class: "active", width: `${100 * (1 - canaryShare)}%`, height: "100%" }),
      s("rect", { class: "canary", x: `${100 * (1 - canaryShare)}%`, width: `${100 * canaryShare}%`, height: "100%" })),
    h("dl", { class: "roles" }, cards),
    traffic.canary ? trial(state) : null);
}

function trial(state) {
  const roles = ["active", "canary"];
  const value = (name, role) => samples(state, name).find((x) => x.labels.role === role)?.value;
  const row = (title, name, write) => h("tr", {}, h("th", { scope: "row" }, title), roles.map((role) => {
    const x = value(name, role);
    return h("td", { class: "number" }, typeof x === "number" ? write(x) : "–");
  }));
  return h("table", { class: "trial" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "the trial so far"), roles.map((role) => h("th", { scope: "col", class: "number" }, role)))),
    h("tbody", {}, row("decisions", "attune_trial_decisions", count), row("that failed", "attune_trial_failure_ratio", share),
      row("rewards", "attune_trial_rewards", count), row("mean reward", "attune_trial_reward_mean", (x) => x.toFixed(3)),
      row("entropy, of the most", "attune_trial_entropy", share)));
}

// ---- Prompts over time ----------------------------------------------------

function figures(state, then, duration) {
  const of = (labels) => total(state, "attune_requests_total", labels) - (then ? total(then, "attune_requests_total", labels) : 0);
  const answers = of({ method: PROMPTS });
  const latency = minus(buckets(state), then ? buckets(then) : []);
  const feedback = of({ method: "RecordFeedback", code: "OK" });
  return [
    ["prompts / s", duration > 0 ? rate((latency.at(-1)?.[1] ?? 0) / duration) : "–"],
    ["p50", seconds(quantile(0.5, latency))], ["p90", seconds(quantile(0.9, latency))], ["p99", seconds(quantile(0.99, latency))],
    ["failed", answers ? share(of({ method: PROMPTS, code: FAULTS }) / answers) : "–", of({ method: PROMPTS, code: FAULTS }) > 0],
    ["refused", answers ? share(of({ method: PROMPTS, code: REFUSALS }) / answers) : "–"],
    ["prompts", count(latency.at(-1)?.[1] ?? 0)], ["feedback", count(feedback)]];
}

// Lines over the kept time; gaps where there is no number. `lines`: [class, [[ms, y]]].
function chart(caption, lines, write) {
  const now = kept.at(-1).time;
  const shown = Math.min(KEPT_MS, Math.max(60000, now - kept[0].time));
  const top = Math.max(...lines.flatMap(([, points]) => points.map(([, y]) => y)).filter(Number.isFinite), 0);
  const x = (ms) => 600 - (600 * (now - ms)) / shown;
  const path = (points) => points.reduce((d, [ms, y], i) => (Number.isFinite(y)
    ? `${d}${i && Number.isFinite(points[i - 1][1]) ? "L" : "M"}${x(ms).toFixed(1)} ${(112 - (104 * y) / (top || 1)).toFixed(1)}` : d), "");
  return h("figure", {}, h("figcaption", {}, caption, top > 0 ? `; the highest ${write(top)}` : ""),
    s("svg", { viewBox: "0 0 600 120", preserveAspectRatio: "none", height: "120", "aria-hidden": "true" },
      [8, 60, 112].map((y) => s("path", { class: "rule", d: `M0 ${y}H600` })),
      lines.map(([name, points]) => s("path", { class: `line ${name}`, d: path(points) }))),
    h("div", { class: "axis" }, h("span", {}, `${span(shown / 1000)} ago`), h("span", {}, "now")));
}

function drawCharts() {
  const steps = kept.slice(1).map((now, i) => [now.time, minus(buckets(now.state), buckets(kept[i].state)), (now.time - kept[i].time) / 1000]);
  const each = (f) => steps.map(([time, latency, duration]) => [time, f(latency, duration)]);
  draw("chart-rate", chart([h("b", { class: "first" }, "Prompts a second")], [["first", each((l, d) => (l.at(-1)?.[1] ?? 0) / d)]], rate));
  draw("chart-latency", chart(["Latency: ", h("b", { class: "first" }, "p50"), " and ", h("b", { class: "second" }, "p99")],
    [["second", each((l) => quantile(0.99, l))], ["first", each((l) => quantile(0.5, l))]], seconds));
}

function drawHistogram(cumulative) {
  const columns = cumulative.map(([bound, n], i) => ({ from: i ? cumulative[i - 1][0] : 0, to: bound, n: n - (i ? cumulative[i - 1][1] : 0) }));
  const [first, last] = [columns.findIndex((c) => c.n > 0), columns.findLastIndex((c) => c.n > 0)];
  if (first < 0) return draw("histogram", empty(h("p", {}, "No prompt in this time.")));
  // Wide enough that one busy column does not look like all there is.
  const shown = columns.slice(Math.max(0, first - 2), Math.max(last + 3, first + 14));
  const top = Math.max(...shown.map((c) => c.n));
  const width = 600 / shown.length;
  draw("histogram", h("figure", {}, h("figcaption", {}, h("b", {}, "How long prompts took"), ", from the parsed frame to the serialized answer"),
    s("svg", { viewBox: "0 0 600 80", preserveAspectRatio: "none", height: "80", role: "img", "aria-label": shown.filter((c) => c.n).map((c) => `${seconds(c.from)} to ${seconds(c.to)}: ${c.n}`).join("; ") },
      shown.map((c, i) => s("rect", { class: "column", x: (i * width + 1).toFixed(1), width: Math.max(1, width - 2).toFixed(1), y: (80 - (78 * c.n) / top).toFixed(1), height: ((78 * c.n) / top).toFixed(1) },
        s("title", {}, `${seconds(c.from)} to ${seconds(c.to)}: ${count(c.n)}`)))),
    h("div", { class: "axis" }, h("span", {}, seconds(shown[0].from)), h("span", {}, Number.isFinite(shown.at(-1).to) ? seconds(shown.at(-1).to) : "more"))));
}

// ---- Choices, calls, revisions ---------------------------------------------

function drawChoices(state, then) {
  const patterns = new Map();
  for (const { labels, value } of samples(state, "attune_decisions_total")) {
    const before = then ? total(then, "attune_decisions_total", labels) : 0;
    if (!patterns.has(labels.pattern)) patterns.set(labels.pattern, []);
    patterns.get(labels.pattern).push([labels.option, value - before]);
  }
  const order = ["history", "hint", "reasoning", "role", "format"];
  const place = (name) => (order.includes(name) ? order.indexOf(name) : order.length);
  const shown = [...patterns].map(([name, options]) => [name, options, options.reduce((sum, [, n]) => sum + n, 0)]).filter(([, , all]) => all > 0)
    .sort(([a], [b]) => place(a) - place(b));
  if (!shown.length) {
    const told = then ? [h("p", {}, "No decision in this time.")]
      : [h("p", {}, "No decision yet. Ask for a prompt:"), commands('attune prompt --history "50=Star Wars (1977)" --candidate "181=Return of the Jedi (1983)" --candidate "258=Contact (1997)"')];
    return draw("choices-body", empty(told));
  }
  draw("choices-body", h("div", { class: "choices" }, shown.map(([name, options, all]) => {
    const most = Math.max(...options.map(([, n]) => n));
    return h("div", {}, h("h3", {}, name), h("ul", { class: "options" }, options.sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
      .map(([option, n]) => h("li", { class: n === most ? "most" : null }, h("span", { class: "name" }, option),
        h("span", { class: "share-of" }, `${share(n / all)} · ${count(n)}`), bar(n / all)))));
  })));
}

function drawCalls(state, then, duration) {
  const methods = new Map();
  for (const { labels, value } of samples(state, "attune_requests_total")) {
    const n = value - (then ? total(then, "attune_requests_total", labels) : 0);
    if (!methods.has(labels.method)) methods.set(labels.method, []);
    methods.get(labels.method).push([labels.code, n]);
  }
  const rows = [...methods].map(([method, codes]) => {
    const all = codes.reduce((sum, [, n]) => sum + n, 0);
    const bad = codes.filter(([code, n]) => code !== "OK" && n > 0).sort((a, b) => b[1] - a[1]);
    return h("tr", {}, h("th", { scope: "row" }, method), h("td", { class: "number" }, count(all)), h("td", { class: "number" }, duration > 0 ? rate(all / duration) : "–"),
      h("td", { class: "wide" }, bad.length ? bad.map(([code, n]) => `${code} ${count(n)}`).join(", ") : "none"));
  });
  for (const { labels, value } of samples(state, "attune_refused_calls_total")) {
    if (value) rows.push(h("tr", {}, h("th", { scope: "row" }, labels.method), h("td", { class: "number" }, count(value)), h("td", {}), h("td", { class: "wide bad" }, `${labels.code} for want of a role`)));
  }
  if (!rows.length) return draw("calls-body", empty(h("p", {}, "No call yet.")));
  draw("calls-body", h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "method"), h("th", { scope: "col", class: "number" }, "calls"),
    h("th", { scope: "col", class: "number" }, "a second"), h("th", { scope: "col" }, "answered with an error"))), h("tbody", {}, rows)));
}

function drawRevisions(state) {
  const row = (r) => {
    const { manifest } = r;
    const training = manifest.training ?? {};
    return h("tr", {}, h("th", { scope: "row", class: "id" }, r.revision_id), h("td", {}, roleOf(r)), h("td", {}, manifest.policy),
      h("td", {}, r.byte_size ? moment(r.push_time) : "built in"), h("td", {}, r.byte_size ? signatureOf(r) : "–"),
      h("td", {}, [training.learner, training.dataset, training.llm].filter(Boolean).join(", ") || "–"),
      h("td", { class: "number" }, training.llm_calls ? count(training.llm_calls) : "–"),
      h("td", { class: "id" }, manifest.parent_revision || "–"), h("td", { class: "number" }, r.byte_size ? bytes(Number(r.byte_size)) : "–"));
  };
  const heads = ["revision", "role", "policy", "pushed", "signature", "trained with", "LLM calls", "parent", "size"];
  draw("revisions-body", h("table", {}, h("thead", {}, h("tr", {}, heads.map((t) => h("th", { scope: "col", class: t === "LLM calls" || t === "size" ? "number" : null }, t)))),
    h("tbody", {}, state.revisions.map(row))),
    state.stored_revisions > state.revisions.length ? h("p", { class: "caption" }, `${count(state.stored_revisions)} are stored; the newest are shown.`) : null);
  const plan = (p) => [`active ${p.active}`, p.canary ? `canary ${p.canary} for ${share(p.canary_share)}` : "", p.shadow ? `shadow ${p.shadow}` : ""].filter(Boolean).join(", ");
  draw("changes-body", state.changes.length ? h("ul", { class: "changes" }, state.changes.slice(0, 10).map((c) => h("li", {},
    h("time", { datetime: c.time }, moment(c.time)), h("span", {}, h("b", {}, c.action.replaceAll("_", " ")), ` by ${c.who}: ${plan(c.after)}`, c.reason ? ` (${c.reason})` : ""))))
    : empty(h("p", {}, "Nothing was changed yet.")));
  drawRevisionChoice(state);
}

function drawRevisionChoice(state) {
  const select = $("revision");
  const wanted = select.value;
  const options = [["", `active: ${state.traffic.active}`], ...state.revisions.map((r) => [r.revision_id, `${r.revision_id} (${r.manifest.policy}, ${roleOf(r)})`])];
  morphChildren(select, options.map(([value, text]) => h("option", { value }, text)));
  select.value = options.some(([value]) => value === wanted) ? wanted : "";
}

// ---- The playground ---------------------------------------------------------

const EXAMPLE = {
  history: "1\tToy Story (1995)\n56\tPulp Fiction (1994)\n172\tEmpire Strikes Back, The (1980)\n50\tStar Wars (1977)",
  candidates: "181\tReturn of the Jedi (1983)\n258\tContact (1997)\n100\tFargo (1996)\n313\tTitanic (1997)\n12\tUsual Suspects, The (1995)",
};

// A list of items from what was pasted. Throws with words for the person who did.
function items(text, field) {
  const given = text.trim();
  if (!/^[[{]/.test(given)) {
    return given.split(/\r?\n/).map((line) => line.trim()).filter(Boolean).map((line, i) => {
      const tab = line.indexOf("\t");
      return tab < 0 ? { item_id: `${field}-${i + 1}`, title: line } : { item_id: line.slice(0, tab).trim(), title: line.slice(tab + 1).trim() };
    });
  }
  let json;
  try {
    json = JSON.parse(given);
  } catch (error) {
    throw new Error(`${field}: not JSON: ${error.message}`);
  }
  const list = Array.isArray(json) ? json : json[field];
  if (!Array.isArray(list)) throw new Error(`${field}: must be a list of items`);
  return list.map((item, i) => {
    if (typeof item === "string") return { item_id: `${field}-${i + 1}`, title: item };
    if (item === null || typeof item !== "object") throw new Error(`${field}[${i}]: must be an item or a title`);
    const { item_id = item.itemId ?? `${field}-${i + 1}`, itemId, ...rest } = item;
    return { ...rest, item_id: String(item_id) };
  });
}

// A whole request in the history's field brings its candidates.
function candidatesText() {
  const text = $("candidates").value.trim();
  return text || !$("history").value.trim().startsWith("{") ? text : $("history").value;
}

function complain(message) {
  $("problem").textContent = message;
  $("told").textContent = "";
  for (const id of ["history", "candidates"]) $(id).setAttribute("aria-invalid", String(message.startsWith(id)));
}

async function preview() {
  let request;
  try {
    request = {
      history: items($("history").value, "history"), candidates: items(candidatesText(), "candidates"), revision: $("revision").value,
      mode: $("mode").value, readout: $("readout").value, seed: $("seed").value.trim() || "0",
    };
  } catch (error) {
    return complain(error.message);
  }
  try {
    const response = await fetch("api/preview", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(request), signal: AbortSignal.timeout(10000) });
    const answer = await response.json();
    if (!response.ok) return complain(answer.error?.message ?? `the server says ${response.status}`);
    complain("");
    drawPreview(answer);
  } catch {
    complain("The server does not answer.");
  }
}

function drawPreview(answer) {
  $("told").textContent = `Prompt of revision ${answer.revision}: ` + answer.patterns.map((p) => `${p.pattern} ${p.options[p.chosen].option_id}`).join(", ");
  const segment = (x) => (x.kind === "SEGMENT_KIND_UNTRUSTED_DATA" ? h("span", { class: "foreign", title: `${x.source}: text of others` }, x.text) : x.text);
  const hinted = answer.messages.some((m) => m.segments.some((x) => x.source === "hint"));
  const unsaid = (pattern, o) => (pattern.pattern === "hint" && o.text && !hinted ? " Left out: the revision knows nothing to say here." : "");
  const option = (pattern, o, i) => h("li", { class: i === pattern.chosen ? "chosen" : null },
    h("span", { class: "name" }, o.option_id, i === pattern.chosen ? h("span", { class: "tag picked" }, "chosen") : null, i === pattern.default ? h("span", { class: "tag" }, "default") : null),
    h("span", { class: "share-of" }, share(o.probability)), bar(o.probability), i === pattern.chosen && o.text ? h("p", { class: "said" }, o.text, unsaid(pattern, o)) : null);
  const { history, candidates } = answer.items;
  const knows = (list) => `${list.filter((x) => x.known).length} of ${list.length}`;
  const best = Math.max(...candidates.map((c) => c.score)), worst = Math.min(...candidates.map((c) => c.score));
  const shown = answer.answer.displayed_item_ids.map((id, i) => [answer.answer.labels[i], candidates.find((c) => c.item_id === id), answer.answer.displayed_titles[i]]);
  draw("preview", h("div", { class: "result" },
    h("div", {}, h("h3", {}, "The prompt"), h("p", { class: "caption" }, "On a tinted ground: ", h("span", { class: "foreign" }, "text of others"), ", sanitized; the rest is the catalog's. ",
      `Read by ${answer.answer.readout.replace("READOUT_", "").toLowerCase()}.`),
      answer.messages.map((m) => h("div", { class: "message" }, h("h4", {}, m.role), h("p", {}, m.segments.map(segment)))),
      h("h3", {}, "The candidates, as displayed"),
      h("p", { class: "caption" }, `The revision knows ${knows(history)} items of the history and ${knows(candidates)} candidates. The score is the collaborative one that hints speak of.`),
      h("div", { class: "scroll" }, h("table", { class: "cards" }, h("tbody", {}, shown.map(([label, c, title]) => h("tr", {}, h("th", { scope: "row" }, label), h("td", { class: "wide" }, title),
        h("td", {}, c.known ? "known" : "unknown"), h("td", { class: "number" }, c.score.toFixed(3)), h("td", {}, bar(best > worst ? (c.score - worst) / (best - worst) : 0)))))))),
    h("div", {}, h("h3", {}, "Why: each agent's probabilities"), h("p", { class: "caption" }, "In the order in which the agents decide; each sees the user's state and, in a trained revision, the options chosen above it."),
      answer.patterns.map((p) => h("div", { class: "pattern" }, h("h4", {}, p.pattern, " ", h("span", {}, `${p.options[p.chosen].option_id}, ${share(p.options[p.chosen].probability)}`)),
        h("ul", { class: "options" }, p.options.map((o, i) => option(p, o, i))))))));
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  preview();
});
$("form").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) preview();
});
$("again").addEventListener("click", () => {
  $("seed").value = String((Number.parseInt($("seed").value, 10) || 0) + 1);
  preview();
});
$("example").addEventListener("click", () => {
  $("history").value = EXAMPLE.history;
  $("candidates").value = EXAMPLE.candidates;
  preview();
});

// ---- The loop ----------------------------------------------------------------

// Answers of the last minutes: [{time, state}], the newest last.
let kept = [];
let paused = false;
let lost = false;

function tell(words, dot) {
  if ($("live").textContent !== words) $("live").textContent = words;
  $("dot").className = `dot ${dot}`;
}

function drawAll() {
  const { time, state } = kept.at(-1);
  const minute = document.querySelector("input[name=window]:checked").value === "minute";
  const from = minute ? kept.find((k) => k.time >= time - 61000) : null;
  const then = minute ? from.state : null;
  const started = samples(state, "process_start_time_seconds")[0]?.value;
  const duration = minute ? (time - from.time) / 1000 : time / 1000 - started;
  $("window-note").textContent = minute ? (duration < 55 ? `this page has been open for ${Math.round(duration)} s` : "") : `up for ${span(duration)}`;
  drawTraffic(state);
  draw("facts", h("dl", { class: "facts" }, figures(state, then, duration).map(([name, value, bad]) => h("div", { class: bad ? "bad" : null }, h("dt", {}, name), h("dd", {}, value)))));
  drawCharts();
  drawHistogram(minus(buckets(state), then ? buckets(then) : []));
  drawChoices(state, then);
  drawCalls(state, then, duration);
  drawRevisions(state);
  $("version").textContent = `attune_server ${state.version}`;
}

async function ask() {
  try {
    const response = await fetch("api/state", { signal: AbortSignal.timeout(5000) });
    if (!response.ok) throw new Error(String(response.status));
    const state = await response.json();
    const time = Date.now();
    const start = (x) => samples(x, "process_start_time_seconds")[0]?.value;
    // Another process counts from 0.
    if (kept.length && start(kept.at(-1).state) !== start(state)) kept = [];
    kept = [...kept.filter((k) => k.time > time - KEPT_MS), { time, state }];
    lost = false;
  } catch {
    lost = true;
  }
  if (paused) return;
  document.body.classList.toggle("stale", lost && kept.length > 0);
  if (lost) return tell("No answer; trying again", "off");
  tell("Live", "on");
  $("clock").textContent = new Date(kept.at(-1).time).toLocaleTimeString("sv-SE");
  drawAll();
}

$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", String(paused));
  $("pause").textContent = paused ? "Go on" : "Pause";
  tell(paused ? "Paused" : "Live", paused ? "" : "on");
});
$("window").addEventListener("change", () => kept.length && drawAll());

async function loop() {
  if (!document.hidden && !paused) await ask();
  setTimeout(loop, PERIOD_MS);
}
loop();
