// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors
//
// Draws the report from the JSON in #data. Text from the data only ever becomes a
// text node; colours are classes and variables, so that a change of theme needs no
// redrawing; each plot has its numbers as a table beside it.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);

  // ---- words and numbers ----
  const minus = (text) => text.replace("-", "\u2212");
  const isNumber = (value) => typeof value === "number" && isFinite(value);
  const fixed = (value, digits = 3) => isNumber(value) ? minus(value.toFixed(digits)) : "–";
  const signed = (value, digits = 3) => isNumber(value) ? (value > 0 ? "+" : "") + fixed(value, digits) : "–";
  const whole = (value) => isNumber(value) ? d3.format(",.0f")(value) : "–";
  const range = (i) => `[${fixed(i.low)}, ${fixed(i.high)}]`;
  const signedRange = (i) => `[${signed(i.low)}, ${signed(i.high)}]`;
  const count = (n, one, many) => `${whole(n)} ${n === 1 ? one : many}`;
  const plain = (word) => String(word).replace(/_/g, " ");
  const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  const isInterval = (i) => i && isNumber(i.mean) && isNumber(i.low) && isNumber(i.high);
  const list = (value) => Array.isArray(value) ? value : [];
  const SLICES = { all: "all test users", cold_users: "cold users", cold_items: "cold items", heavy_users: "heavy users" };
  const METRICS = { ndcg_at_10: "NDCG@10", ndcg_at_5: "NDCG@5", ndcg_at_1: "NDCG@1", mrr: "MRR", hit_at_1: "HR@1" };
  const GROUPS = { history_length: "history length", popularity: "popularity of the history",
    diversity: "diversity of the history", margin: "collaborative margin" };
  const KINDS = { learner: "chooses a prompt for each user", prompt: "prompts without personal choice",
    scorer: "no LLM", oracle: "upper bound, knows the answers" };
  const sliceName = (slice) => SLICES[slice] || plain(slice);
  const kindOf = (method) => method.upper_bound || method.kind === "oracle" ? "oracle" : KINDS[method.kind] ? method.kind : "prompt";

  // ---- elements ----
  const add = (parent, tag, text, className) => {
    const node = parent.append(tag);
    if (text !== undefined && text !== null) node.text(text);
    if (className) node.attr("class", className);
    return node;
  };
  // A caption may stress words between asterisks.
  const caption = (parent, text) => {
    const p = add(parent, "p", null, "caption");
    text.split("*").forEach((part, i) => i % 2 ? add(p, "strong", part) : p.append(() => document.createTextNode(part)));
    return p;
  };
  const section = (parent, id, title) => {
    const node = parent.append("section").attr("id", id).attr("aria-labelledby", id + "-title");
    add(node, "h3", title).attr("id", id + "-title");
    return node;
  };
  const table = (parent, headings, rows) => {
    const scroll = add(parent, "div", null, "scroll").attr("tabindex", 0).attr("role", "region").attr("aria-label", "Table");
    const node = scroll.append("table");
    const head = node.append("thead").append("tr");
    headings.forEach((text) => add(head, "th", text).attr("scope", "col"));
    const body = node.append("tbody");
    rows.forEach((cells) => {
      const row = body.append("tr");
      cells.forEach((text, i) => i ? add(row, "td", text) : add(row, "th", text).attr("scope", "row"));
    });
    return node;
  };
  const numbers = (parent, headings, rows) => {
    const details = parent.append("details");
    add(details, "summary", "The numbers as a table");
    table(details, headings, rows);
    return details;
  };
  // Draws at the width there is, and again when that changes.
  const plot = (parent, label, draw) => {
    const box = add(parent, "div", null, "plot");
    let width = 0;
    const redraw = () => {
      const now = Math.floor(box.node().clientWidth);
      if (!now || now === width) return;
      width = now;
      box.selectAll("*").remove();
      draw(box.append("svg").attr("role", "img").attr("aria-label", label), width);
    };
    redraw();
    new ResizeObserver(redraw).observe(box.node());
  };
  const select = (parent, label, options, name, change) => {
    if (options.length < 2) return;
    const box = add(parent, "label", label);
    const node = box.append("select").on("change", () => change(node.property("value")));
    options.forEach((option) => add(node, "option", name(option)).attr("value", option));
  };
  const legend = (parent, entries, mark) => {
    const node = add(parent, "ul", null, "legend");
    entries.forEach((entry) => {
      const item = node.append("li");
      mark(item.append("svg").attr("width", 26).attr("height", 12).attr("aria-hidden", "true"), entry);
      item.append("span").text(entry.label);
    });
  };

  // ---- rows of intervals ----
  // rows: {label, group, mean, low, high, colour, hollow, band, bar, upper, value}. Wide:
  // label, plot and value side by side; narrow: the words above the plot.
  const intervals = (parent, label, rows, { reference, referenceLabel, sides, format = fixed, right = 190 }) => {
    plot(parent, label, (svg, width) => {
      const narrow = width < 600;
      const left = narrow ? 4 : Math.min(320, 30 + 7.2 * d3.max(rows, (r) => r.label.length));
      const end = narrow ? width - 4 : width - right;
      const rowHeight = narrow ? 44 : 28, groupHeight = 30, top = 34;
      const extent = d3.extent(rows.flatMap((r) => [r.low, r.high]).concat(isNumber(reference) ? [reference] : []));
      const pad = (extent[1] - extent[0] || 0.02) * 0.06;
      const x = d3.scaleLinear([extent[0] - pad, extent[1] + pad], [left, end]);
      let y = top, group;
      const marks = rows.map((row) => {
        if (row.group !== undefined && row.group !== group) {
          group = row.group;
          y += groupHeight;
          svg.append("text").attr("class", "group").attr("x", narrow ? 4 : 0).attr("y", y - 9).text(group);
        }
        const at = y;
        // Words that do not fit beside each other stand on two lines.
        const broken = narrow && (row.label.length + row.value.length) * 7.6 > width - 16 ? 17 : 0;
        y += rowHeight + broken;
        return { row, textY: at + (narrow ? 14 : 18), valueY: at + (narrow ? 14 : 18) + broken, markY: at + (narrow ? 29 : 14) + broken };
      });
      svg.attr("height", y + 6).attr("viewBox", [0, 0, width, y + 6]);
      const axis = svg.insert("g", ":first-child").attr("transform", `translate(0,${top - 6})`);
      const ticks = Math.max(3, Math.floor((end - left) / 95));
      const digits = Math.max(0, Math.ceil(-Math.log10(d3.tickStep(...x.domain(), ticks)) - 1e-9));
      axis.call(d3.axisTop(x).ticks(ticks).tickSize(-(y - top + 6)).tickFormat((v) => Math.abs(v) < 1e-9 ? "0" : format(v, digits)));
      if (isNumber(reference)) {
        // Narrow: only beside the marks, not through the words above them.
        const spans = narrow ? marks.map(({ markY }) => [markY - 9, markY + 9]) : [[top - 6, y]];
        spans.forEach(([from, to]) => svg.append("line").attr("class", "reference").attr("x1", x(reference)).attr("x2", x(reference)).attr("y1", from).attr("y2", to));
        if (sides) {
          svg.append("text").attr("class", "soft").attr("x", x(0) - 8).attr("y", 9).attr("text-anchor", "end").text("← " + sides[0]);
          svg.append("text").attr("class", "soft").attr("x", x(0) + 8).attr("y", 9).text(sides[1] + " →");
        } else if (referenceLabel) {
          svg.append("text").attr("class", "soft").attr("x", x(reference)).attr("y", 9)
            .attr("text-anchor", x(reference) > (left + end) / 2 + 60 ? "end" : x(reference) < left + 60 ? "start" : "middle").text(referenceLabel);
        }
      }
      marks.forEach(({ row, textY, valueY, markY }) => {
        svg.append("text").attr("x", narrow ? 4 : 0).attr("y", textY).attr("class", row.strong ? "strong" : null).text(row.label.length > 46 ? row.label.slice(0, 45) + "…" : row.label);
        const value = svg.append("text").attr("class", "value" + (row.strong ? " strong" : "")).attr("x", width).attr("y", valueY)
          .attr("text-anchor", "end").text(row.value);
        const mark = svg.append("g").attr("stroke", row.colour).attr("fill", row.colour);
        mark.append("title").text(`${row.label}: ${row.value}`);
        if (row.bar) {
          const from = Math.min(x(reference), x(row.mean)), to = Math.max(x(reference), x(row.mean));
          mark.append("rect").attr("class", "bar" + (row.upper ? " upper" : "")).attr("stroke-width", row.upper ? 1.5 : 0)
            .attr("x", from).attr("width", Math.max(to - from, 1)).attr("y", markY - 8).attr("height", 16).attr("rx", 2);
        }
        if (isNumber(row.band)) {
          const clamp = (v) => x(Math.max(x.domain()[0], Math.min(x.domain()[1], v)));
          mark.append("line").attr("class", "band").attr("x1", clamp(row.mean - row.band)).attr("x2", clamp(row.mean + row.band)).attr("y1", markY).attr("y2", markY);
        }
        mark.append("path").attr("class", "interval")
          .attr("d", `M${x(row.low)},${markY - 4}v8m0,-4H${x(row.high)}m0,-4v8`);
        mark.append("circle").attr("class", "dot" + (row.hollow ? " hollow" : "")).attr("cx", x(row.mean)).attr("cy", markY).attr("r", 4.5);
        value.raise();
      });
    });
  };

  // ---- lines ----
  // series: {label, points: [{x, y}], faint: [[{x, y}]]}.
  const DASHES = ["", "7 4", "2 3", "9 3 2 3", "12 3", "4 2"];
  const styleLine = (node, i) => node.style("stroke", `var(--s${i % 7})`).attr("stroke-dasharray", DASHES[i % DASHES.length] || null);
  const lines = (parent, label, series, { xLabel, yLabel, whole: wholeX = false, dots = false, reference, referenceLabel }) => {
    if (series.length > 1) {
      legend(parent, series, (svg, entry) => styleLine(svg.append("line").attr("x1", 0).attr("x2", 26).attr("y1", 6).attr("y2", 6).attr("stroke-width", 2.6), series.indexOf(entry)));
    }
    plot(parent, label, (svg, width) => {
      const height = Math.max(230, Math.min(300, width * 0.55)), left = 42, top = 24, bottom = height - 40, end = width - 12;
      svg.attr("height", height).attr("viewBox", [0, 0, width, height]);
      const all = series.flatMap((s) => s.points.concat(...(s.faint || [])));
      const ys = all.map((p) => p.y).concat(isNumber(reference) ? [reference] : []);
      const x = d3.scaleLinear(d3.extent(all, (p) => p.x), [left + 8, end]);
      const y = d3.scaleLinear(d3.extent(ys), [bottom, top]).nice(5);
      const ticks = wholeX ? x.ticks(Math.floor(width / 50)).filter(Number.isInteger) : x.ticks(Math.max(3, Math.floor(width / 110)));
      svg.append("g").attr("transform", `translate(0,${bottom})`).call(d3.axisBottom(x).tickValues(ticks).tickSize(4).tickFormat(d3.format(",")));
      svg.append("g").attr("transform", `translate(${left},0)`).call(d3.axisLeft(y).ticks(5).tickSize(left - end).tickPadding(8));
      svg.append("text").attr("class", "soft").attr("x", 0).attr("y", 10).text(yLabel);
      svg.append("text").attr("class", "soft").attr("x", end).attr("y", height - 4).attr("text-anchor", "end").text(xLabel);
      if (isNumber(reference)) {
        svg.append("line").attr("class", "reference").attr("x1", left).attr("x2", end).attr("y1", y(reference)).attr("y2", y(reference));
        svg.append("text").attr("class", "soft").attr("x", end).attr("y", y(reference) - 5).attr("text-anchor", "end").text(referenceLabel);
      }
      const path = d3.line().x((p) => x(p.x)).y((p) => y(p.y));
      series.forEach((s, i) => {
        (s.faint || []).forEach((points) => svg.append("path").attr("class", "faint").attr("d", path(points)).style("stroke", `var(--s${i % 7})`));
        styleLine(svg.append("path").attr("class", "line").attr("d", path(s.points)), i).append("title").text(s.label);
        if (!dots) return;
        s.points.forEach((p) => svg.append("circle").attr("cx", x(p.x)).attr("cy", y(p.y)).attr("r", 3.5).style("fill", `var(--s${i % 7})`)
          .append("title").text(`${s.label}, ${xLabel} ${p.x}: ${fixed(p.y)}`));
      });
    });
  };

  // ---- what the numbers say ----
  const comparisonOf = (run, method, slice) =>
    list(run.comparisons).find((c) => c.method === method && c.slice === slice && c.baseline === "best_fixed");
  const isAbove = (c) => c.difference.low > 0 && c.p_holm < 0.05;
  const isBelow = (c) => c.difference.high < 0 && c.p_holm < 0.05;
  const verdict = (c) => {
    const d = c.difference, against = c.baseline === "best_fixed" ? "the best fixed prompt" : plain(c.baseline);
    const size = `${d.mean < 0 ? "below" : "above"} ${against} by ${fixed(Math.abs(d.mean))} ${signedRange(d)}`;
    if (d.low <= 0 && d.high >= 0) return `${size}; the interval contains zero: not shown to be ${d.mean < 0 ? "worse" : "better"}`;
    if (!(c.p_holm < 0.05)) return `${size}; the interval lies ${d.mean < 0 ? "below" : "above"} zero, but not after Holm's correction for all comparisons (p = ${fixed(c.p_holm)}): not shown`;
    return `${size}; the interval lies ${d.mean < 0 ? "below" : "above"} zero, also after Holm's correction (p = ${fixed(c.p_holm)})`;
  };
  const all = (method) => method.slices.all;
  const bestLearner = (run) => {
    const learners = run.methods.filter((m) => kindOf(m) === "learner");
    return learners.sort((a, b) => all(b).ndcg_at_10.mean - all(a).ndcg_at_10.mean)[0];
  };
  const shuffleVerdict = (s) => s.drop.low > 0
    ? `drops by ${fixed(s.drop.mean)} ${range(s.drop)}: the choice is personal`
    : `changes by ${signed(-s.drop.mean)} (drop ${fixed(s.drop.mean)} ${signedRange(s.drop)}); the interval contains zero: nothing is shown to be personal`;

  const story = (parent, run) => {
    const best = bestLearner(run), fixedPrompt = run.methods.find((m) => m.name === "best_fixed");
    const box = add(parent, "div", null, "story");
    if (!best) {
      const top = run.methods.filter((m) => kindOf(m) !== "oracle").sort((a, b) => all(b).ndcg_at_10.mean - all(a).ndcg_at_10.mean)[0];
      if (top) add(box, "p", `Best of the ${run.methods.length} methods on ${run.dataset}: ${plain(top.name)}, NDCG@10 ${fixed(all(top).ndcg_at_10.mean)} ${range(all(top).ndcg_at_10)}.`);
      return;
    }
    const learners = run.methods.filter((m) => kindOf(m) === "learner").length;
    const ahead = run.methods.filter((m) => kindOf(m) === "scorer" && all(m).ndcg_at_10.mean > all(best).ndcg_at_10.mean)
      .sort((a, b) => all(b).ndcg_at_10.mean - all(a).ndcg_at_10.mean)[0];
    const i = all(best).ndcg_at_10, chance = run.chance && run.chance.ndcg_at_10;
    const beside = [fixedPrompt && `${fixed(all(fixedPrompt).ndcg_at_10.mean)} of the best fixed prompt`, isNumber(chance) && `${fixed(chance)} of chance`].filter(Boolean).join(" and ");
    add(box, "p", `On ${run.dataset}, ${learners > 1 ? `the best of ${learners} learners` : "the learner"}, ${plain(best.name)}, reaches NDCG@10 ${fixed(i.mean)} ${range(i)}` +
      (isNumber(run.budget) ? ` after ${count(run.budget, "LLM call", "LLM calls")}` : "") + (beside ? `, beside ${beside}` : "") +
      (ahead ? `; ${plain(ahead.name)}, which asks no LLM, reaches ${fixed(all(ahead).ndcg_at_10.mean)}.` : "."));
    const c = comparisonOf(run, best.name, "all");
    if (c) {
      box.classed("good", isAbove(c)).classed("bad", isBelow(c));
      const slices = list(run.comparisons).filter((s) => s.baseline === "best_fixed" && s.method === best.name && s.slice !== "all" && isAbove(s));
      add(box, "p", `That is ${verdict(c)}.` + (slices.length ? ` Shown to be better for ${slices.map((s) => sliceName(s.slice)).join(" and ")}.` : ""));
    }
    const s = list(run.shuffle).find((entry) => entry.method === best.name && entry.slice === "all" && entry.scope !== "same_slices");
    if (s) add(box, "p", `When every user gets another user's prompt, it ${shuffleVerdict(s)}.`);
    const strict = list(run.shuffle).find((entry) => entry.method === best.name && entry.slice === "all" && entry.scope === "same_slices");
    if (strict) add(box, "p", `Only among tasks of the same slices (as cold, as heavy), it ${shuffleVerdict(strict)}.`);
  };

  // ---- sections ----
  const facts = (parent, run) => {
    const entries = [["test users", whole(run.users)], ["tasks", whole(run.tasks)],
      ["candidates", run.candidates && `${whole(run.candidates.count)}${run.candidates.sampling ? ", by " + plain(run.candidates.sampling) : ""}`],
      ["LLM calls to learn", whole(run.budget)], ["seeds", Array.isArray(run.seeds) ? String(run.seeds.length) : undefined]];
    const node = add(parent, "dl", null, "facts");
    entries.filter(([, value]) => value && value !== "–").forEach(([name, value]) => {
      const box = node.append("div");
      add(box, "dt", name);
      add(box, "dd", value, value.length > 8 ? "words" : null);
    });
  };

  const methodBars = (parent, run, id) => {
    const node = section(parent, id, "How well each method ranks");
    const chance = run.chance || {};
    caption(node, "Bars start at chance where it is known, otherwise at the lowest interval; whiskers are 95 % intervals. *The dashed bar is an upper bound*, not a method one could use.");
    const slices = [...new Set(run.methods.flatMap((m) => Object.keys(m.slices)))];
    const usable = (slice, metric) => run.methods.filter((m) => m.slices[slice] && isInterval(m.slices[slice][metric]));
    const metrics = Object.keys(METRICS).filter((metric) => usable("all", metric).length);
    let slice = "all", metric = "ndcg_at_10";
    const controls = add(node, "div", null, "controls");
    const kinds = Object.keys(KINDS).filter((kind) => run.methods.some((m) => kindOf(m) === kind));
    legend(node, kinds.map((kind) => ({ kind, label: KINDS[kind] })), (svg, entry) => svg.append("rect").attr("class", "bar" + (entry.kind === "oracle" ? " upper" : ""))
      .attr("x", 1).attr("y", 1).attr("width", 24).attr("height", 10).style("fill", entry.kind === "oracle" ? "none" : `var(--${entry.kind})`).style("stroke", `var(--${entry.kind})`).style("opacity", 1));
    const box = node.append("div");
    const draw = () => {
      box.selectAll("*").remove();
      const rows = usable(slice, metric).map((m) => {
        const i = m.slices[slice][metric], kind = kindOf(m);
        return { label: plain(m.name) + (kind === "oracle" ? " (upper bound)" : ""), ...i, colour: `var(--${kind})`, bar: true,
          upper: kind === "oracle", hollow: kind === "oracle", strong: kind === "learner", value: `${fixed(i.mean)} ${range(i)}` };
      }).sort((a, b) => b.mean - a.mean);
      if (!rows.length) return add(box, "p", "No method has this number.", "caption");
      const known = chance[metric];
      intervals(box, `${METRICS[metric]} of ${rows.length} methods, ${sliceName(slice)}`, rows, { right: 168,
        reference: isNumber(known) ? known : d3.min(rows, (r) => r.low), referenceLabel: isNumber(known) ? `chance ${fixed(known)}` : "" });
    };
    select(controls, "Users ", slices, (s) => capital(sliceName(s)), (value) => { slice = value; draw(); });
    select(controls, "Metric ", metrics, (m) => METRICS[m], (value) => { metric = value; draw(); });
    draw();
    const rows = slices.flatMap((s) => run.methods.filter((m) => m.slices[s]).sort((a, b) => (b.slices[s].ndcg_at_10 || {}).mean - (a.slices[s].ndcg_at_10 || {}).mean)
      .map((m) => [plain(m.name), sliceName(s), ...metrics.map((k) => isInterval(m.slices[s][k]) ? `${fixed(m.slices[s][k].mean)} ${range(m.slices[s][k])}` : "–"),
        fixed(m.slices[s].normalised_ndcg), whole(m.slices[s].users), whole(m.slices[s].tasks)]));
    numbers(node, ["method", "users", ...metrics.map((k) => METRICS[k]), "normalised", "test users", "tasks"], rows);
  };

  const sorted = (rows, order) => rows.slice().sort((a, b) => order.indexOf(a.slice) - order.indexOf(b.slice) || b.mean - a.mean);
  const sliceOrder = (entries) => ["all", ...new Set(entries.map((e) => e.slice).filter((s) => s !== "all"))];

  const comparisons = (parent, run, id) => {
    const entries = list(run.comparisons).filter((c) => c.baseline === "best_fixed" && isInterval(c.difference));
    if (!entries.length) return;
    const node = section(parent, id, "Against the best fixed prompt");
    const best = bestLearner(run), main = best && comparisonOf(run, best.name, "all");
    caption(node, "Difference of NDCG@10 on the same tasks, to the one prompt for everybody that was found with the same LLM calls. " +
      "*Filled: shown to differ after Holm's correction. Hollow: not shown.*" + (main ? ` ${capital(plain(best.name))}: ${verdict(main)}.` : ""));
    const rows = sorted(entries.map((c) => ({ slice: c.slice, group: capital(sliceName(c.slice)), label: plain(c.method), ...c.difference,
      hollow: !isAbove(c) && !isBelow(c), strong: isAbove(c) || isBelow(c), colour: isAbove(c) ? "var(--good)" : isBelow(c) ? "var(--bad)" : "var(--soft)",
      value: `${signed(c.difference.mean)} ${signedRange(c.difference)}`, p: c.p, holm: c.p_holm, c })), sliceOrder(entries));
    intervals(node, "Differences to the best fixed prompt", rows, { reference: 0, sides: ["worse", "better"], format: signed, right: 190 });
    numbers(node, ["method", "users", "difference", "95 % interval", "p", "p (Holm)", "in words"],
      rows.map((r) => [r.label, r.group, signed(r.mean), signedRange(r), fixed(r.p), fixed(r.holm), capital(verdict(r.c))])).classed("in-words", true);
  };

  const shuffle = (parent, run, id) => {
    const drops = list(run.shuffle).filter((s) => isInterval(s.drop));
    if (!drops.length) return;
    const node = section(parent, id, "Is it personal? The shuffle test");
    const strict = drops.filter((s) => s.scope === "same_slices");
    shuffled(node, drops.filter((s) => s.scope !== "same_slices"), "Every user gets another user's prompt. *If nothing drops, nothing was personal.* ");
    if (strict.length) shuffled(node, strict, "The same, but only among users and tasks of the same slices: *does the policy know more than the slice?* ");
  };
  const shuffled = (node, entries, question) => {
    const personal = entries.filter((s) => s.drop.low > 0).length;
    caption(node, question +
      (personal ? `Drops with its interval above zero: ${personal} of ${entries.length}.` : "Every interval contains zero or lies below it: nothing is shown to be personal."));
    const rows = sorted(entries.map((s) => ({ slice: s.slice, group: capital(sliceName(s.slice)), label: plain(s.method), ...s.drop, hollow: !(s.drop.low > 0),
      strong: s.drop.low > 0, colour: s.drop.low > 0 ? "var(--good)" : "var(--soft)", value: `${signed(s.drop.mean)} ${signedRange(s.drop)}` })), sliceOrder(entries));
    intervals(node, "Drop of NDCG@10 when prompts are shuffled among users", rows, { reference: 0, sides: ["not personal", "personal"], format: signed });
    numbers(node, ["method", "users", "drop of NDCG@10", "95 % interval"], rows.map((r) => [r.label, r.group, signed(r.mean), signedRange(r)]));
  };

  const headroom = (parent, run, id) => {
    const entries = list(run.headroom).filter((h) => isInterval(h.cross_fitted));
    if (!entries.length) return;
    const node = section(parent, id, "How much there is to gain");
    caption(node, "What a prompt of one's own could add to the best fixed prompt. *Cross-fitted: chosen on some targets of a user, measured on others.* " +
      "Naive: chosen and measured on the same ones, so largely luck.");
    const rows = entries.flatMap((h) => [["cross-fitted", h.cross_fitted, false], ["naive (biased upwards)", h.naive, true]].filter(([, i]) => isInterval(i))
      .map(([label, i, naive]) => ({ group: capital(sliceName(h.slice)), label, ...i, hollow: naive, strong: !naive && i.low > 0, colour: naive ? "var(--oracle)" : "var(--learner)", value: `${signed(i.mean)} ${signedRange(i)}`, h })));
    intervals(node, "Headroom over the best fixed prompt", rows, { reference: 0, format: signed });
    numbers(node, ["estimate", "users", "headroom", "95 % interval", "test users", "targets a user"], rows.map((r) => [r.label, r.group, signed(r.mean), signedRange(r), whole(r.h.users), fixed(r.h.targets_per_user, 1)]));
  };

  const effects = (parent, run, id) => {
    const entries = list(run.option_effects).filter((e) => isNumber(e.mean) && isNumber(e.standard_error));
    if (!entries.length) return;
    const node = section(parent, id, "What each option does");
    const differ = entries.filter((e) => isNumber(e.p) && e.p < 0.05).sort((a, b) => a.p - b.p);
    const tested = !differ.length ? " For no option is it shown that users differ (p < 0.05)."
      : ` Users are shown to differ (bold; p < 0.05, before any correction) for ${differ.slice(0, 4).map((e) => `${plain(e.option)} (${plain(e.pattern)})`).join(", ")}` +
        (differ.length > 4 ? ` and ${differ.length - 4} more.` : ".");
    caption(node, "What an option adds to NDCG@10 over its pattern's default, with 1.96 standard errors. *The pale band is how far users differ* (one standard deviation, noise taken out): without that no choice can be personal." +
      (entries.some((e) => isNumber(e.p)) ? tested : ""));
    const patterns = [...new Set(entries.map((e) => e.pattern))];
    const rows = patterns.flatMap((p) => entries.filter((e) => e.pattern === p).sort((a, b) => b.mean - a.mean)).map((e) => {
      const half = 1.96 * e.standard_error;
      return { group: capital(plain(e.pattern)), label: plain(e.option), mean: e.mean, low: e.mean - half, high: e.mean + half, band: e.between_user_deviation,
        hollow: Math.abs(e.mean) <= half, strong: differ.includes(e), colour: "var(--learner)", value: `${signed(e.mean)} ± ${fixed(half)}`, e };
    });
    intervals(node, "Effects of options", rows, { reference: 0, format: signed, right: 130 });
    numbers(node, ["option", "pattern", "effect", "standard error", "deviation between users", "p that users differ"], rows.map((r) => [r.label, r.group, signed(r.mean), fixed(r.e.standard_error), fixed(r.e.between_user_deviation), fixed(r.e.p)]));
  };

  const ablations = (parent, run, id) => {
    const entries = list(run.ablations).filter((a) => isInterval(a.difference));
    if (!entries.length) return;
    const node = section(parent, id, "What each part is worth");
    caption(node, "Change of NDCG@10 when one part is taken away or replaced. *An interval that contains zero shows nothing.*");
    const rows = entries.map((a) => {
      const clear = a.difference.low > 0 || a.difference.high < 0;
      return { label: a.name, ...a.difference, hollow: !clear, strong: clear, colour: clear ? (a.difference.mean < 0 ? "var(--bad)" : "var(--good)") : "var(--soft)", value: `${signed(a.difference.mean)} ${signedRange(a.difference)}`, a };
    }).sort((a, b) => a.mean - b.mean);
    intervals(node, "Ablations", rows, { reference: 0, format: signed });
    numbers(node, ["ablation", "difference", "95 % interval", "NDCG@10"], rows.map((r) => [r.label, signed(r.mean), signedRange(r), isInterval(r.a.ndcg_at_10) ? fixed(r.a.ndcg_at_10.mean) : "–"]));
  };

  const positions = (parent, run, id) => {
    const entries = list(run.position_curve).filter((p) => isNumber(p.position) && isNumber(p.ndcg_at_10));
    if (!entries.length) return;
    const node = section(parent, id, "Does the displayed position matter?");
    const series = d3.nest().key((p) => p.method).entries(entries).slice(0, 7)
      .map(({ key, values }) => ({ label: plain(key), points: values.map((p) => ({ x: p.position + 1, y: p.ndcg_at_10, tasks: p.tasks })).sort((a, b) => a.x - b.x) }));
    const spread = (s) => d3.max(s.points, (p) => p.y) - d3.min(s.points, (p) => p.y);
    caption(node, `NDCG@10 by where the true item stood in the prompt. *Flat is good.* Best to worst position: ${series.map((s) => `${s.label} ${fixed(spread(s))}`).join(", ")}.`);
    lines(node, "NDCG@10 by displayed position", series, { xLabel: "position of the true item", yLabel: "NDCG@10", whole: true, dots: true });
    numbers(node, ["method", "position", "NDCG@10", "tasks"], series.flatMap((s) => s.points.map((p) => [s.label, String(p.x), fixed(p.y), whole(p.tasks)])));
  };

  const meanCurve = (curves) => {
    const at = d3.nest().key((p) => p.x).entries([].concat(...curves));
    return at.filter((e) => e.values.length * 2 > curves.length).map((e) => ({ x: +e.key, y: d3.mean(e.values, (p) => p.y) })).sort((a, b) => a.x - b.x);
  };
  const curves = (parent, run, id) => {
    const entries = list(run.learning_curves).map((c) => ({ method: c.method, points: list(c.points).filter((p) => isNumber(p.llm_calls) && isNumber(p.reward)).map((p) => ({ x: p.llm_calls, y: p.reward })) })).filter((c) => c.points.length);
    if (!entries.length) return;
    const node = section(parent, id, "Learning curves");
    const series = d3.nest().key((c) => c.method).entries(entries).slice(0, 7)
      .map(({ key, values }) => ({ label: plain(key), faint: values.length > 1 ? values.map((v) => v.points) : [], points: meanCurve(values.map((v) => v.points)) }));
    caption(node, "Reward (NDCG@10) of the rankings a learner explored, by LLM calls spent. *Thick: mean over seeds; thin: each seed.* Exploring costs reward, so compare the shape, not the height.");
    lines(node, "Reward by LLM calls", series, { xLabel: "LLM calls", yLabel: "reward" });
    numbers(node, ["method", "LLM calls", "mean reward"], series.flatMap((s) => s.points.map((p) => [s.label, whole(p.x), fixed(p.y)])));
  };

  const share = (entry, option) => (list(entry.shares).find((s) => s.option === option) || { share: 0 }).share;
  // The options of a pattern, the most chosen first.
  const optionsOf = (entries) => [...new Set(entries.flatMap((e) => list(e.shares).map((s) => s.option)))]
    .sort((a, b) => d3.mean(entries, (e) => share(e, b)) - d3.mean(entries, (e) => share(e, a)));
  const heat = (parent, entries, options, pattern, groupBy) => {
    const node = add(parent, "table", null, "heat");
    add(node, "caption", `by ${GROUPS[groupBy] || plain(groupBy)}`);
    const head = node.append("thead").append("tr");
    add(head, "th", plain(pattern)).attr("scope", "col");
    entries.forEach((e) => add(head, "th", e.group).attr("scope", "col"));
    const body = node.append("tbody");
    options.forEach((option) => {
      const row = body.append("tr");
      add(row, "th", plain(option)).attr("scope", "row").attr("title", option);
      entries.forEach((e) => add(row, "td", d3.format(".0%")(share(e, option)), share(e, option) > 0.9 ? "high full" : share(e, option) > 0.65 ? "high" : null).style("--share", (0.04 + 0.96 * share(e, option)).toFixed(3)));
    });
    if (!entries.some((e) => isNumber(e.tasks))) return;
    const row = add(body, "tr", null, "count");
    add(row, "th", "tasks").attr("scope", "row");
    entries.forEach((e) => add(row, "td", whole(e.tasks)));
  };
  // Low before high, 4-10 before 11-30, whatever the order in the file.
  const groupRank = (group) => {
    const word = ["low", "middle", "high"].indexOf(group), number = parseFloat(group);
    return word >= 0 ? word : isNaN(number) ? Infinity : number;
  };
  const byRank = (a, b) => d3.ascending(groupRank(a.group), groupRank(b.group));
  const variation = (entries) => {
    const byGroup = d3.nest().key((e) => e.group_by).entries(entries);
    return d3.max(byGroup, ({ values }) => d3.max(optionsOf(values), (option) => {
      const [low, high] = d3.extent(values, (e) => share(e, option));
      return high - low;
    })) || 0;
  };
  const choices = (parent, run, id) => {
    const entries = list(run.choices);
    if (!entries.length) return;
    const node = section(parent, id, "Who gets which option");
    caption(node, "Share of tasks in which an option was chosen, by kind of user. *Columns alike: everybody gets the same. Columns that differ: the choice follows the user.* The pattern that varies most comes first.");
    const best = bestLearner(run), methods = [...new Set(entries.map((e) => e.method))].sort((a, b) => (best && b === best.name) - (best && a === best.name));
    const controls = add(node, "div", null, "controls"), box = node.append("div");
    const draw = (method) => {
      box.selectAll("*").remove();
      const mine = d3.nest().key((e) => e.pattern).entries(entries.filter((e) => e.method === method)).sort((a, b) => variation(b.values) - variation(a.values));
      mine.forEach(({ key, values }) => {
        add(box, "h4", `${capital(plain(key))}: shares differ by up to ${whole(100 * variation(values))} points between groups`);
        const grid = add(box, "div", null, "heat-grid");
        d3.nest().key((e) => e.group_by).entries(values).forEach((g) => heat(grid, g.values.slice().sort(byRank), optionsOf(values), key, g.key));
      });
    };
    select(controls, "Method ", methods, plain, draw);
    draw(methods[0]);
  };

  const cost = (parent, run, id) => {
    const methods = run.methods.filter((m) => m.cost || isNumber(m.train_llm_calls));
    if (!methods.length) return;
    const node = section(parent, id, "What it costs");
    caption(node, "Training calls are spent once; the rest is the evaluation's own. *Dropped tasks and incomplete answers are counted, never repaired.*");
    const columns = [["calls to learn", (m) => m.train_llm_calls], ["LLM calls", (m) => (m.cost || {}).llm_calls], ["prompt tokens", (m) => (m.cost || {}).prompt_tokens],
      ["answer tokens", (m) => (m.cost || {}).answer_tokens], ["seconds", (m) => (m.cost || {}).wall_seconds], ["dropped", (m) => (m.cost || {}).dropped],
      ["partial answers", (m) => (m.cost || {}).partial_parses], ["failed answers", (m) => (m.cost || {}).failed_parses]];
    const rows = methods.slice().sort((a, b) => ((a.cost || {}).llm_calls || 0) - ((b.cost || {}).llm_calls || 0));
    const grid = table(node, ["method", ...columns.map(([name]) => name)], rows.map((m) => [plain(m.name), ...columns.map(([name, value]) => name === "seconds" && isNumber(value(m)) ? fixed(value(m), 1) : whole(value(m)))]));
    grid.attr("class", "cost").selectAll("tbody tr").each(function (_, r) {
      d3.select(this).selectAll("td").each(function (unused, c) {
        const value = columns[c][1](rows[r]), most = d3.max(rows, columns[c][1]);
        if (value > 0) d3.select(this).append("span").attr("class", "fill").attr("aria-hidden", "true").style("width", `calc((100% - 16px) * ${value / most})`);
      });
    });
  };

  const evaluation = (parent, run, index) => {
    const id = (name) => `run${index}-${name}`;
    const node = parent.append("article").attr("id", id("top"));
    add(node, "h2", run.dataset);
    add(node, "p", [run.llm, run.readout && `readout ${run.readout}`, run.catalog && run.catalog.name && `catalog ${run.catalog.name}`].filter(Boolean).join(" · "), "setup");
    story(node, run);
    facts(node, run);
    methodBars(node, run, id("methods"));
    comparisons(node, run, id("comparisons"));
    shuffle(node, run, id("shuffle"));
    choices(node, run, id("choices"));
    const first = add(node, "div", null, "pair");
    curves(first, run, id("curves"));
    positions(first, run, id("positions"));
    headroom(node, run, id("headroom"));
    effects(node, run, id("effects"));
    ablations(node, run, id("ablations"));
    cost(node, run, id("cost"));
    node.selectAll(".pair").each(function () { if (this.children.length < 2) d3.select(this).attr("class", null); });
  };

  const trainings = (parent) => {
    if (!data.trainings.length) return;
    const article = parent.append("article").attr("id", "trainings-top");
    add(article, "h2", "Trainings");
    const pair = add(article, "div", null, "pair");
    const node = section(pair, "trainings", "Reward while learning");
    const smooth = (rounds) => rounds.map((r, i) => ({ x: r.rankings, y: d3.mean(rounds.slice(Math.max(0, i - 4), i + 1), (q) => q.reward) }));
    const series = data.trainings.slice(0, 7).map((t) => ({ label: t.name.replace(/\/?metrics\.jsonl$/, "") || t.name, points: smooth(t.rounds), faint: [t.rounds.map((r) => ({ x: r.rankings, y: r.reward }))] }));
    caption(node, "Mean reward of a round's explored rankings. *Thick: mean of the last five rounds.*");
    lines(node, "Reward by rankings", series, { xLabel: "rankings learned from", yLabel: "reward" });
    numbers(node, ["training", "rankings", "reward", "LLM calls"], data.trainings.flatMap((t) => t.rounds.map((r) => [t.name, whole(r.rankings), fixed(r.reward), whole(r.llm_calls)])));
    const withEntropy = data.trainings[0].rounds.filter((r) => r.entropy);
    if (!withEntropy.length) return;
    const undecided = section(pair, "entropy", "How undecided the agents are");
    caption(undecided, `Entropy of each agent's choice in nats${data.trainings.length > 1 ? `, first training` : ""}. *Falling: it makes up its mind.*`);
    const patterns = Object.keys(withEntropy[0].entropy).slice(0, 7);
    const entropies = patterns.map((p) => ({ label: plain(p), points: withEntropy.filter((r) => isNumber(r.entropy[p])).map((r) => ({ x: r.rankings, y: r.entropy[p] })) }));
    lines(undecided, "Entropy by rankings", entropies, { xLabel: "rankings learned from", yLabel: "entropy (nats)" });
    numbers(undecided, ["pattern", "rankings", "entropy"], entropies.flatMap((s) => s.points.map((p) => [s.label, whole(p.x), fixed(p.y)])));
  };

  // ---- the page ----
  const theme = () => {
    const root = document.documentElement, button = d3.select("#theme"), prefers = window.matchMedia("(prefers-color-scheme: dark)");
    const stored = () => { try { return localStorage.getItem("attune-theme"); } catch (error) { return null; } };
    const show = (name) => { root.dataset.theme = name; button.text(name === "dark" ? "Light colours" : "Dark colours"); };
    const preferred = () => stored() || (prefers.matches ? "dark" : "light");
    show(preferred());
    prefers.addEventListener("change", () => show(preferred()));
    button.on("click", () => {
      const name = root.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("attune-theme", name); } catch (error) { /* A file may have no storage. */ }
      show(name);
    });
    // Paper is white, and closed tables cannot be opened on it.
    let before;
    window.addEventListener("beforeprint", () => { before = root.dataset.theme; show("light"); d3.selectAll("details").attr("open", ""); });
    window.addEventListener("afterprint", () => { show(before || preferred()); d3.selectAll("details").attr("open", null); });
  };

  theme();
  const content = d3.select("#content");
  data.evaluations.forEach((run, i) => evaluation(content, run, i));
  trainings(content);
  const contents = d3.select("#contents"), articles = content.selectAll("article");
  articles.each(function () {
    const row = contents.append("div");
    add(row, "a", this.querySelector("h2").textContent, "run").attr("href", "#" + this.id);
    this.querySelectorAll("section").forEach((part) => add(row, "a", part.querySelector("h3").textContent).attr("href", "#" + part.id));
  });
})();
