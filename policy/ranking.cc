// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/ranking.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "policy/sanitizer.h"

namespace attune::policy {
namespace {

// Fisher-Yates.
void Shuffle(std::vector<int>& values, Rng& rng) {
  for (size_t i = values.size(); i > 1; --i) {
    std::swap(values[i - 1], values[rng.Below(static_cast<uint32_t>(i))]);
  }
}

std::vector<int> Iota(int size) {
  std::vector<int> values(size);
  std::iota(values.begin(), values.end(), 0);
  return values;
}

std::string_view Trim(std::string_view text, std::string_view around = " \t") {
  const size_t first = text.find_first_not_of(around);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(around) - first + 1);
}

// The pieces between any of `separators`, empty ones left out.
std::vector<std::string_view> Split(std::string_view text,
                                    std::string_view separators) {
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(separators), text.size());
    if (end > 0) pieces.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return pieces;
}

// Collects displayed positions in the order in which an answer names them.
class Collector {
 public:
  Collector(int size, const Permutation& permutation)
      : permutation_(permutation), seen_(size, false) {}

  bool Displayed(int position) const {
    return position >= 0 && position < static_cast<int>(seen_.size());
  }
  bool Seen(int position) const { return seen_[position]; }

  void Add(int position) {
    if (!Displayed(position) || seen_[position]) {
      clean_ = false;
      return;
    }
    seen_[position] = true;
    candidates_.push_back(permutation_.CandidateAt(position));
  }
  void AddUnknown() { clean_ = false; }

  Ranking Finish() && {
    Ranking ranking;
    const size_t recognised = candidates_.size();
    for (size_t position = 0; position < seen_.size(); ++position) {
      if (!seen_[position]) {
        candidates_.push_back(
            permutation_.CandidateAt(static_cast<int>(position)));
      }
    }
    ranking.status = recognised == 0 ? ParseStatus::kFailed
                     : recognised == seen_.size() && clean_
                         ? ParseStatus::kComplete
                         : ParseStatus::kPartial;
    ranking.candidates = std::move(candidates_);
    return ranking;
  }

 private:
  const Permutation& permutation_;
  std::vector<bool> seen_;
  std::vector<int> candidates_;
  bool clean_ = true;
};

// Position of a piece that is nothing but a label: "B", "(b)", "B.", "[B]".
std::optional<int> BareLabel(std::string_view piece) {
  piece = Trim(piece, " \t.:)]([*\"'`");
  if (piece.size() != 1 || !absl::ascii_isalpha(piece[0])) return std::nullopt;
  return absl::ascii_toupper(piece[0]) - 'A';
}

// Positions of a line that is nothing but labels: "C, A, B", "C > A > B".
std::vector<int> LabelList(std::string_view line) {
  std::vector<int> positions;
  for (const std::string_view piece : Split(line, ",>;| \t")) {
    const std::optional<int> position = BareLabel(piece);
    if (!position.has_value()) return {};
    positions.push_back(*position);
  }
  return positions;
}

// Strips "1.", "2)", "-", "*" from the front; says whether there was one.
bool StripBullet(std::string_view& line) {
  size_t digits = 0;
  while (digits < line.size() && absl::ascii_isdigit(line[digits])) ++digits;
  if (digits > 0 && digits < line.size() &&
      (line[digits] == '.' || line[digits] == ')')) {
    line = Trim(line.substr(digits + 1));
    return true;
  }
  if (line.substr(0, 2) != "- " && line.substr(0, 2) != "* ") return false;
  line = Trim(line.substr(2));
  return true;
}

// Label of a line such as "B. Heat" or "B) Heat". "A Bug's Life" has none.
std::optional<int> LeadingLabel(std::string_view line) {
  if (line.substr(0, 1) == "(") line.remove_prefix(1);
  if (line.size() < 2 || !absl::ascii_isupper(line[0])) return std::nullopt;
  const char next = line[1];
  if (next != '.' && next != ')' && next != ':') return std::nullopt;
  // "M.A.S.H." starts with an initial, not with a label.
  if (line.size() > 2 && next == '.' && line[2] != ' ') return std::nullopt;
  return line[0] - 'A';
}

std::string Fold(std::string_view title) {
  const std::string folded = absl::AsciiStrToLower(Sanitize(title));
  return std::string(Trim(folded, " .,;:*\"'`"));
}

// Displayed position of the title that `text` is; of equal titles the first
// that was not named yet. -1 if it is none.
int TitlePosition(std::string_view text, const std::vector<std::string>& folded,
                  const Collector& collector) {
  const std::string key = Fold(text);
  int found = -1;
  for (size_t i = 0; i < folded.size() && !key.empty(); ++i) {
    if (folded[i] != key || !collector.Displayed(static_cast<int>(i))) continue;
    if (!collector.Seen(static_cast<int>(i))) return static_cast<int>(i);
    if (found < 0) found = static_cast<int>(i);
  }
  return found;
}

// Reads "B. Heat" if Heat is a title: the label counts, and that it names
// another title is no clean answer. A label that is not shown leaves the title.
bool ReadLabelled(int label, std::string_view rest,
                  const std::vector<std::string>& folded,
                  Collector& collector) {
  const int title = TitlePosition(rest, folded, collector);
  if (title < 0) return false;
  const bool displayed = collector.Displayed(label);
  collector.Add(displayed ? label : title);
  if (!displayed || folded[label] != folded[title]) collector.AddUnknown();
  return true;
}

void ReadLine(std::string_view line, const std::vector<std::string>& folded,
              Collector& collector) {
  int title = TitlePosition(line, folded, collector);
  const bool bullet = StripBullet(line);
  if (title < 0) title = TitlePosition(line, folded, collector);
  const std::optional<int> label = LeadingLabel(line);
  const size_t mark = line.find_first_of(".):");
  if (label.has_value() &&
      ReadLabelled(*label, line.substr(mark + 1), folded, collector)) {
    return;
  }
  const std::vector<int> labels = LabelList(line);
  const bool displayed =
      std::all_of(labels.begin(), labels.end(),
                  [&](int position) { return collector.Displayed(position); });
  if (!labels.empty() && (displayed || title < 0)) {
    for (const int position : labels) collector.Add(position);
  } else if (title >= 0) {
    // Before a leading label, so that "A. I." is the film and not candidate A.
    collector.Add(title);
  } else if (label.has_value()) {
    collector.Add(*label);
  } else if (bullet) {
    collector.AddUnknown();
  }
}

}  // namespace

Permutation::Permutation(std::vector<int> candidate_at)
    : candidate_at_(std::move(candidate_at)),
      position_of_(candidate_at_.size()) {
  for (int position = 0; position < size(); ++position) {
    position_of_[candidate_at_[position]] = position;
  }
}

Permutation Permutation::Identity(int size) { return Permutation(Iota(size)); }

Permutation Permutation::Random(int size, Rng& rng) {
  std::vector<int> candidate_at = Iota(size);
  Shuffle(candidate_at, rng);
  return Permutation(std::move(candidate_at));
}

Permutation Permutation::WithFixed(int size, int candidate, int position,
                                   Rng& rng) {
  std::vector<int> others = Iota(size);
  others.erase(others.begin() + candidate);
  Shuffle(others, rng);
  others.insert(others.begin() + position, candidate);
  return Permutation(std::move(others));
}

std::string Label(int position) {
  return std::string(1, static_cast<char>('A' + position));
}

Ranking ParseGenerated(std::string_view answer,
                       absl::Span<const std::string> displayed_titles,
                       const Permutation& permutation) {
  std::vector<std::string> folded;
  folded.reserve(displayed_titles.size());
  for (const std::string& title : displayed_titles) {
    folded.push_back(Fold(title));
  }
  Collector collector(permutation.size(), permutation);
  for (std::string_view line : Split(answer, "\r\n")) {
    line = Trim(line);
    if (!line.empty()) ReadLine(line, folded, collector);
  }
  return std::move(collector).Finish();
}

absl::StatusOr<Ranking> RankByScore(absl::Span<const float> displayed_scores,
                                    const Permutation& permutation) {
  if (static_cast<int>(displayed_scores.size()) != permutation.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("scores: ", displayed_scores.size(), " for ",
                     permutation.size(), " candidates"));
  }
  for (size_t i = 0; i < displayed_scores.size(); ++i) {
    if (std::isnan(displayed_scores[i])) {
      return absl::InvalidArgumentError(
          absl::StrCat("scores[", i, "]: not a number"));
    }
  }
  std::vector<int> positions = Iota(permutation.size());
  std::stable_sort(positions.begin(), positions.end(), [&](int a, int b) {
    return displayed_scores[a] > displayed_scores[b];
  });
  Ranking ranking;
  for (const int position : positions) {
    ranking.candidates.push_back(permutation.CandidateAt(position));
  }
  return ranking;
}

}  // namespace attune::policy
