# SPDX-License-Identifier: Apache-2.0
"""Draws a Grafana dashboard without Grafana: every panel's queries over a range, on the dashboard's own grid.

For people to look at after a real run (deploy/test.sh --plot): a query can return data and still make no sense.
"""
import datetime
import math
import re

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import FuncFormatter, MaxNLocator  # noqa: E402

COLUMNS, ROW_INCHES, COLUMN_INCHES = 24, 0.36, 0.92
INK, SOFT, CARD = "#1f2a33", "#6b7780", "#f7f8fa"
SCALES = {"s": ((1, "s"), (1e-3, "ms"), (1e-6, "µs")), "Bps": ((1e6, "MB/s"), (1e3, "kB/s"), (1, "B/s")),
          "reqps": ((1, "req/s"),), "ops": ((1, "ops/s"),), "percentunit": ((0.01, "%"),), "none": ((1, ""),)}


def expand(query, variables):
    """The query with the dashboard's variables, longest names first."""
    for name, value in sorted(variables.items(), reverse=True):
        query = query.replace(name, value)
    return query


def legend(target, labels):
    return re.sub(r"{{(\w+)}}", lambda found: labels.get(found.group(1), ""), target["legendFormat"]) or str(labels)


def written(value, unit):
    if unit == "dateTimeFromNow":
        seconds = datetime.datetime.now().timestamp() - value / 1000
        return f"{seconds:.0f} s ago"
    if unit == "s" and abs(value) >= 86400:
        return f"{value / 86400:.1f} days"
    size, name = next(((s, n) for s, n in SCALES[unit] if abs(value) >= s), SCALES[unit][-1])
    return f"{value / size:.3g} {name}".strip()


class Panel:
    def __init__(self, spec, prometheus, variables, start, end):
        self.spec, self.kind = spec, spec["type"]
        self.unit = spec["fieldConfig"]["defaults"].get("unit", "none")
        # [(name, [time], [value])], time in seconds before the end.
        self.series = []
        for target in spec["targets"]:
            rows = prometheus.get("query_range", query=expand(target["expr"], variables), start=start, end=end, step=1)["result"]
            for row in rows:
                points = [(float(t) - end, float(v)) for t, v in row["values"]]
                self.series.append((legend(target, row["metric"]), *zip(*points)))

    def draw(self, axes):
        axes.set_title(self.spec["title"], loc="left", fontsize=9, fontweight="bold", color=INK, pad=4)
        axes.set_facecolor(CARD)
        for side in axes.spines.values():
            side.set_visible(False)
        axes.tick_params(labelsize=7, colors=SOFT, length=0)
        if not self.series:
            axes.set_xticks([]), axes.set_yticks([])
            axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", va="center", color="#b42318")
            return
        getattr(self, "_" + self.kind)(axes)

    def _axis(self, axes):
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: written(value, self.unit)))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f} s"))
        axes.grid(axis="y", color="#e3e7ea", linewidth=0.7)

    def _timeseries(self, axes):
        for name, times, values in self.series[:14]:
            axes.plot(times, values, linewidth=1.3, label=name, marker="." if len(times) == 1 else None)
        self._axis(axes)
        numbers = [v for _, _, values in self.series for v in values if not math.isnan(v)]
        if "min" in self.spec["fieldConfig"]["defaults"] and numbers:
            axes.set_ylim(min(0, *numbers, 0), max(numbers) * 1.08 or 1)
        more = f" and {len(self.series) - 14} more" if len(self.series) > 14 else ""
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncol=3 if len(self.series) > 2 else 2, fontsize=5.5, frameon=False,
                    title=more, title_fontsize=5.5, columnspacing=1, handlelength=1.2)

    def _stat(self, axes):
        _, times, values = self.series[0]
        axes.fill_between(times, values, alpha=0.15, color="#0072b2")
        axes.set_ylim(bottom=0)
        axes.set_xticks([]), axes.set_yticks([])
        axes.text(0.5, 0.5, written(values[-1], self.unit), transform=axes.transAxes, ha="center", va="center", fontsize=17, color=INK)

    def _table(self, axes):
        axes.set_xticks([]), axes.set_yticks([])
        current = [(name, values[-1]) for name, times, values in self.series if times[-1] > -5]
        for i, (name, value) in enumerate(current[:8]):
            axes.text(0.03, 0.88 - 0.12 * i, f"{name}    {written(value, self.unit)}", transform=axes.transAxes, fontsize=7.5, color=INK, family="monospace")

    def _heatmap(self, axes):
        bounds = sorted((float(name), times, values) for name, times, values in self.series)
        # Cumulative buckets to counts, as Grafana does.
        times = sorted({t for _, ts, _ in bounds for t in ts})
        cumulative = [[dict(zip(ts, vs)).get(t, 0.0) for t in times] for _, ts, vs in bounds]
        counts = [[max(0.0, b - a) for a, b in zip(below, row)] for below, row in zip([[0.0] * len(times), *cumulative], cumulative)]
        used = [i for i, row in enumerate(counts) if any(row)]
        first, last = min(used, default=0), max(used, default=0)
        axes.imshow(counts[first:last + 1], aspect="auto", origin="lower", cmap="Blues", extent=(times[0], times[-1], 0, last + 1 - first))
        axes.set_yticks([i + 0.5 for i in range(last + 1 - first)], [f"≤ {written(bounds[first + i][0], 's')}" for i in range(last + 1 - first)])
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f} s"))


def draw(dashboard, prometheus, variables, start, end, path):
    """All panels, with their titles and units, from `start` to `end` (seconds since the epoch)."""
    bottom = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in dashboard["panels"])
    width, height = COLUMNS * COLUMN_INCHES, (bottom + 2) * ROW_INCHES
    figure = plt.figure(figsize=(width, height), dpi=80)
    figure.text(0.01, 1 - 0.25 / height, f'{dashboard["title"]}: {end - start:.0f} s of a real run', fontsize=13, fontweight="bold", va="top", color=INK)
    for spec in dashboard["panels"]:
        place = spec["gridPos"]
        top = 1 - (place["y"] + 2) / (bottom + 2)
        if spec["type"] == "row":
            figure.text(0.01, top - 0.15 / height, spec["title"], fontsize=11, color=SOFT, va="top")
            continue
        unit = 1 / (bottom + 2)
        axes = figure.add_axes((place["x"] / COLUMNS + 0.034, top - place["h"] * unit + 2.5 * unit, place["w"] / COLUMNS - 0.046,
                                (place["h"] - 3.6) * unit))
        Panel(spec, prometheus, variables, start, end).draw(axes)
    figure.savefig(path)
    plt.close(figure)
