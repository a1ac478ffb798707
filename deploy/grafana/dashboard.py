#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the dashboard, attune.json, which is this file's output and nothing else.

usage: dashboard.py [--check] FILE

--check compares and fails where FILE is not what would be written.
"""
import json
import sys

PICK = 'job="$job", namespace=~"$namespace", instance=~"$instance"'
ANSWERS = 'method=~"GetPrompt|StreamPrompts"'
FAULTS = 'code=~"UNKNOWN|INTERNAL|UNAVAILABLE|DATA_LOSS|UNIMPLEMENTED"'
REFUSALS = 'code=~"RESOURCE_EXHAUSTED|DEADLINE_EXCEEDED"'
DATA_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24


def select(metric, labels="", window=""):
    """metric{what the variables pick, labels}[window]"""
    return f"{metric}{{{PICK}{', ' + labels if labels else ''}}}{window}"


def rate(metric, labels=""):
    return f"rate({select(metric, labels, '[$__rate_interval]')})"


def total(metric, by, labels=""):
    return f"sum by ({by}) ({rate(metric, labels)})"


def quantile(q):
    return (f"histogram_quantile({q}, sum by (le) "
            f"({rate('attune_get_prompt_latency_seconds_bucket')}))")


def share(part, whole):
    return f"sum({part}) / sum({whole})"


def with_feedback():
    """Of the decisions that somebody was served."""
    logged = f"sum({rate('attune_log_decisions_total', 'result=' + chr(34) + 'written' + chr(34))})"
    shadow = f"(sum({rate('attune_shadow_decisions_total', 'result=' + chr(34) + 'decided' + chr(34))}) or vector(0))"
    recorded = f"sum({rate('attune_log_feedback_total', 'result=' + chr(34) + 'recorded' + chr(34))})"
    return f"{recorded} / ({logged} - {shadow})"


def entropy():
    """Of what was chosen, in bits: 0 if always the same."""
    of_option = f"sum by (pattern, option) ({rate('attune_decisions_total', 'pattern=~' + chr(34) + '$pattern' + chr(34))})"
    p = (f"({of_option} > 0) / on (pattern) group_left () "
         f"sum by (pattern) ({of_option})")
    return f"-sum by (pattern) (({p}) * log2({p}))"


PATTERN = 'pattern=~"$pattern"'

# (row, [(title, what it says, unit, kind, width, [(query, legend)])])
ROWS = [
    ("Traffic, errors, latency", [
        ("Requests", "Calls by method.", "reqps", "timeseries", 8,
         [(total("attune_requests_total", "method"), "{{method}}")]),
        ("Answers that are errors", "By canonical code. RESOURCE_EXHAUSTED and DEADLINE_EXCEEDED are refusals under load.",
         "reqps", "timeseries", 8,
         [(total("attune_requests_total", "method, code", 'code!="OK"'), "{{method}} {{code}}")]),
        ("Latency of GetPrompt", "From the parsed frame to the serialized answer, over all picked pods.", "s", "timeseries", 8,
         [(quantile(q), f"p{str(100 * q).rstrip('0').rstrip('.')}") for q in (0.5, 0.9, 0.99, 0.999)]),
        ("Share that fails", "By the server's fault, of prompts and streams.", "percentunit", "stat", 4,
         [(f"(sum({rate('attune_requests_total', ANSWERS + ', ' + FAULTS)}) or vector(0)) / sum({rate('attune_requests_total', ANSWERS)})", "failed")]),
        ("Share that is refused", "Under load or with too little time left.", "percentunit", "stat", 4,
         [(f"(sum({rate('attune_requests_total', ANSWERS + ', ' + REFUSALS)}) or vector(0)) / sum({rate('attune_requests_total', ANSWERS)})", "refused")]),
        ("Mean latency by pod", "A pod that is slower than the others.", "s", "timeseries", 8,
         [(f"{rate('attune_get_prompt_latency_seconds_sum')} / {rate('attune_get_prompt_latency_seconds_count')}", "{{instance}}")]),
        ("Latency, all of it", "How many prompts took how long.", "s", "heatmap", 8,
         [(f"sum by (le) (increase({select('attune_get_prompt_latency_seconds_bucket', '', '[$__rate_interval]')}))", "{{le}}")]),
    ]),
    ("Revisions and swaps", [
        ("Active revision", "Of each pod; they should agree.", "none", "table", 8,
         [(select("attune_revision_info"), "{{instance}} {{revision}}")]),
        ("Share of users by role", "A shadow serves nobody: 0.", "percentunit", "timeseries", 8,
         [(f"max by (role, revision) ({select('attune_traffic_share')})", "{{role}} {{revision}}")]),
        ("Changes of the traffic", "Activations, canaries, rollbacks, so far.", "none", "timeseries", 4,
         [(select("attune_traffic_changes"), "{{instance}}")]),
        ("Activations", "By result, since each process began.", "none", "timeseries", 4,
         [(f"sum by (result) ({select('attune_revision_activations_total')})", "{{result}}")]),
    ]),
    ("Choices", [
        ("Choices by option", "Share of the decisions of a pattern.", "percentunit", "timeseries", 12,
         [(f"{total('attune_decisions_total', 'pattern, option', PATTERN)} / on (pattern) group_left () "
           f"{total('attune_decisions_total', 'pattern', PATTERN)}", "{{pattern}}: {{option}}")]),
        ("Entropy of the choices", "In bits, over all users. 0: every user gets the same option.", "none", "timeseries", 12,
         [(entropy(), "{{pattern}}")]),
        ("Agents agree with the caller", "Apprentice mode: share of the caller's own choices that the agents would have made.", "percentunit", "timeseries", 12,
         [(share(rate("attune_apprentice_decisions_total", 'result="agrees"'), rate("attune_apprentice_decisions_total")), "whole choice"),
          (f"{total('attune_apprentice_options_total', 'pattern', 'result=' + chr(34) + 'agrees' + chr(34) + ', ' + PATTERN)} / "
           f"{total('attune_apprentice_options_total', 'pattern', PATTERN)}", "{{pattern}}")]),
        ("Shadow", "Copies of requests by what became of them.", "reqps", "timeseries", 12,
         [(total("attune_shadow_decisions_total", "result"), "{{result}}")]),
    ]),
    ("Canary against active", [
        ("Reward", "Mean of the trial so far. Empty without a trial.", "none", "timeseries", 8,
         [(select("attune_trial_reward_mean"), "{{instance}} {{role}}")]),
        ("Share that failed", "Also choices made blindly.", "percentunit", "timeseries", 8,
         [(select("attune_trial_failure_ratio"), "{{instance}} {{role}}")]),
        ("Entropy of the policy", "Of the largest that it could be.", "percentunit", "timeseries", 8,
         [(select("attune_trial_entropy"), "{{instance}} {{role}}")]),
        ("Decisions and rewards", "How much the comparison rests on.", "none", "timeseries", 8,
         [(f"sum by (role) ({select('attune_trial_decisions')})", "decisions, {{role}}"),
          (f"sum by (role) ({select('attune_trial_rewards')})", "rewards, {{role}}")]),
        ("Canaries rolled back", "By guardrail, in the picked time.", "none", "timeseries", 8,
         [(f"sum by (guardrail) (increase({select('attune_guardrail_rollbacks_total', '', '[$__range]')}))", "{{guardrail}}")]),
        ("Observations not counted", "Of a trial, for want of time.", "ops", "timeseries", 8,
         [(total("attune_guardrail_dropped_observations_total", "instance"), "{{instance}}")]),
    ]),
    ("Decision log and feedback", [
        ("Healthy", "1 if the last commit succeeded.", "none", "stat", 4,
         [(f"min({select('attune_log_healthy')})", "healthy")]),
        ("Decisions that have feedback", "Recorded feedback over logged decisions but the shadow's, which nobody saw; feedback comes later than its decision.",
         "percentunit", "stat", 4, [(with_feedback(), "feedback")]),
        ("Decisions", "Written or dropped.", "ops", "timeseries", 8,
         [(total("attune_log_decisions_total", "result"), "{{result}}")]),
        ("Feedback", "Recorded, repeated or failed.", "ops", "timeseries", 8,
         [(total("attune_log_feedback_total", "result"), "{{result}}")]),
        ("Refused feedback", "By code: FAILED_PRECONDITION is late or of an erased user, UNAUTHENTICATED a foreign token.", "reqps", "timeseries", 8,
         [(total("attune_requests_total", "code", 'method="RecordFeedback", code!="OK"'), "{{code}}")]),
        ("Decisions that wait", "In memory, until they are written.", "none", "timeseries", 8,
         [(select("attune_log_queued_decisions"), "{{instance}}")]),
        ("Commits", "Transactions by result.", "ops", "timeseries", 8,
         [(total("attune_log_commits_total", "result"), "{{result}}")]),
    ]),
    ("Servers that share Redis", [
        ("Redis answers", "By what it is used for.", "none", "timeseries", 8,
         [(select("attune_redis_up"), "{{instance}} {{use}}")]),
        ("Errors of Redis", "By kind.", "ops", "timeseries", 8,
         [(total("attune_redis_errors_total", "kind"), "{{kind}}")]),
        ("Behind the others", "Revisions and changes of the traffic that are not here.", "none", "timeseries", 8,
         [(select("attune_redis_revisions_behind"), "{{instance}} revisions"),
          (select("attune_redis_traffic_changes_behind"), "{{instance}} traffic")]),
        ("Outbox", "Decisions and feedback that wait for Redis, in the log.", "none", "timeseries", 8,
         [(select("attune_redis_outbox_records"), "{{instance}}")]),
        ("Oldest in the outbox", "Its age.", "s", "timeseries", 8,
         [(select("attune_redis_outbox_age_seconds"), "{{instance}}")]),
        ("Handed over", "Decisions and feedback in the stream.", "ops", "timeseries", 8,
         [(total("attune_redis_delivered_records_total", "part"), "{{part}}")]),
    ]),
    ("Connections and security", [
        ("Open connections", "By listener.", "none", "timeseries", 8,
         [(f"sum by (listener) ({select('attune_connections')})", "{{listener}}")]),
        ("New connections", "Accepted or refused, and why.", "ops", "timeseries", 8,
         [(total("attune_connections_total", "listener, result"), "{{listener}} {{result}}")]),
        ("Calls without the role", "By method and code. TLS with clients' certificates only.", "reqps", "timeseries", 8,
         [(total("attune_refused_calls_total", "method, code"), "{{method}} {{code}}")]),
        ("Certificate expires in", "With TLS only.", "s", "stat", 4,
         [(f"min({select('attune_tls_certificate_expiry_seconds')}) - time()", "expires in")]),
        ("Files that were not good", "Readings of certificates and roles that found nothing good.", "none", "timeseries", 8,
         [(f"sum by (what) (increase({select('attune_tls_reload_failures_total', '', '[$__rate_interval]')}))", "{{what}}")]),
    ]),
    ("Processes", [
        ("Up since", "Start of each process.", "dateTimeFromNow", "table", 8,
         [(f"1000 * {select('process_start_time_seconds')}", "{{instance}}")]),
        ("Targets up", "As Prometheus sees them.", "none", "timeseries", 8,
         [(select("up"), "{{instance}}")]),
        ("Cost of a scrape", "Bytes a second of /metrics.", "Bps", "timeseries", 8,
         [(total("exposer_transferred_bytes_total", "instance"), "{{instance}}")]),
    ]),
]


def variable(name, label, query, **more):
    return {"name": name, "label": label, "type": "query", "datasource": DATA_SOURCE, "query": query,
            "refresh": 2, "sort": 1, "current": {}, "options": [], **more}


def several(name, label, query):
    # ".*" also where a series has no such label, as without Kubernetes.
    return variable(name, label, query, multi=True, includeAll=True, allValue=".*",
                    current={"text": ["All"], "value": ["$__all"]})


def templating():
    return {"list": [
        {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
         "current": {}, "options": [], "refresh": 1},
        variable("job", "Job", "label_values(attune_revision_info, job)", current={"text": "attune", "value": "attune"}),
        several("namespace", "Namespace", 'label_values(attune_revision_info{job="$job"}, namespace)'),
        several("instance", "Pod", 'label_values(attune_revision_info{job="$job", namespace=~"$namespace"}, instance)'),
        several("pattern", "Pattern", 'label_values(attune_decisions_total{job="$job"}, pattern)'),
    ]}


def panel(number, place, spec):
    title, about, unit, kind, width, queries = spec
    made = {
        "id": number, "title": title, "description": about, "type": kind, "datasource": DATA_SOURCE,
        "gridPos": {"x": place[0], "y": place[1], "w": width, "h": 8},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0} if unit != "dateTimeFromNow" else {"unit": unit},
                        "overrides": []},
        "options": {},
        "targets": [{"refId": chr(ord("A") + i), "expr": query, "legendFormat": legend, "datasource": DATA_SOURCE,
                     **({"instant": True, "format": "table"} if kind == "table" else {}),
                     **({"format": "heatmap"} if kind == "heatmap" else {})}
                    for i, (query, legend) in enumerate(queries)],
    }
    if kind == "timeseries":
        made["options"] = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
    if kind == "stat":
        made["options"] = {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"}
    return made


def panels():
    made, y = [], 0
    for title, specs in ROWS:
        made.append({"id": len(made) + 1, "title": title, "type": "row", "collapsed": False, "panels": [],
                     "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1}})
        x, y = 0, y + 1
        for spec in specs:
            if x + spec[4] > WIDTH:
                x, y = 0, y + 8
            made.append(panel(len(made) + 1, (x, y), spec))
            x += spec[4]
        y += 8
    return made


def dashboard():
    return {
        "uid": "attune", "title": "Attune", "tags": ["attune", "grpc"], "schemaVersion": 39, "version": 1, "editable": True,
        "description": "attune_server: who is served what, how fast, and what came of it. Alerts: docs/runbooks.md.",
        "time": {"from": "now-3h", "to": "now"}, "refresh": "30s", "timezone": "", "graphTooltip": 1,
        "annotations": {"list": [{
            "name": "Traffic changes", "enable": True, "iconColor": "purple", "datasource": DATA_SOURCE,
            "expr": f"changes({select('attune_traffic_changes', '', '[$__interval]')}) > 0",
            "titleFormat": "traffic changed", "textFormat": "{{instance}}"}]},
        "templating": templating(), "panels": panels(), "links": [],
    }


def main(argv):
    if len(argv) not in (2, 3) or (len(argv) == 3 and argv[1] != "--check"):
        print(__doc__, file=sys.stderr)
        return 2
    text = json.dumps(dashboard(), indent=1) + "\n"
    if len(argv) == 2:
        open(argv[1], "w").write(text)
        return 0
    if open(argv[2]).read() == text:
        return 0
    print(f"{argv[2]}: not what {argv[0]} writes; run it again", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
