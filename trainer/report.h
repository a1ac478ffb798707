// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_REPORT_H_
#define ATTUNE_TRAINER_REPORT_H_

// One self-contained HTML page about evaluations and trainings: plots, tables
// and what they say in plain words. The page is trainer/report/page.html with
// its style, its script, D3 and the data put in; it loads nothing when viewed.
//
// What is needed is checked by name: an evaluation has schema, dataset and
// methods with an NDCG@10 on all test users. Everything else may be absent, and
// its section is left out; what is there must have the documented form
// (docs/trainer.md, "The report").
//
// Pure functions; safe to call from any thread.

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace attune::trainer {

// A file's name, for errors and headings, and what is in it.
struct NamedText {
  std::string name;
  std::string text;
};

struct ReportSources {
  std::string title;
  std::vector<NamedText> evaluations;  // attune.evaluation/1
  std::vector<NamedText> trainings;    // metrics.jsonl
};

// kInvalidArgument names the file and what is wrong or missing in it, such as
// "a.json: methods[2].slices.all.ndcg_at_10.low is missing".
absl::StatusOr<std::string> MakeReport(const ReportSources& sources);

// OK if `text` is an evaluation that a report can show.
absl::Status CheckEvaluation(const NamedText& evaluation);

// Text as HTML shows it, also inside quoted attributes.
std::string EscapeHtml(std::string_view text);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_REPORT_H_
