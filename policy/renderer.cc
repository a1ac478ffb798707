// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/renderer.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "policy/sanitizer.h"

namespace attune::policy {
namespace {

constexpr int kMaxGenreCodePoints = 40;
// Of a user message without a list of candidates.
constexpr size_t kUsualSegments = 8;
constexpr std::string_view kItemsSlot = "{items}";
constexpr std::string_view kGenresSlot = "{genres}";

// Builds one message; neighbouring segments of one origin become one.
class MessageBuilder {
 public:
  explicit MessageBuilder(const char* role) { message_.role = role; }

  // Makes room for this many segments.
  void Reserve(size_t segments) { message_.segments.reserve(segments); }
  void Instruction(std::string_view text) {
    if (!text.empty()) {
      TextOf(SegmentKind::kInstruction, "instruction").append(text);
    }
  }
  void Data(const char* source, std::string text) {
    if (text.empty()) return;
    std::string& to = TextOf(SegmentKind::kUntrustedData, source);
    to.empty() ? to = std::move(text) : to.append(text);
  }
  // Starts a new line unless the message is empty.
  void NewLine() {
    if (!message_.segments.empty()) Instruction("\n");
  }
  bool empty() const { return message_.segments.empty(); }
  Message Finish() && { return std::move(message_); }

 private:
  // Of the last segment if it has this origin, else of a new one.
  std::string& TextOf(SegmentKind kind, const char* source) {
    std::vector<Segment>& segments = message_.segments;
    if (segments.empty() || segments.back().kind != kind ||
        segments.back().source != std::string_view(source)) {
      segments.push_back({.kind = kind, .source = source});
    }
    return segments.back().text;
  }

  Message message_;
};

// Sanitized titles with commas between them.
class TitleList {
 public:
  void Reserve(size_t bytes) { text_.reserve(bytes); }
  void Add(std::string_view title) {
    if (!text_.empty()) text_.append(", ");
    AppendSanitizedTitle(title, text_);
  }
  std::string Text() && { return std::move(text_); }

 private:
  std::string text_;
};

const Option* ChosenOption(const RenderInput& input, PatternKind kind,
                           std::string_view name) {
  const std::vector<Pattern>& patterns = input.catalog.patterns;
  for (size_t k = 0; k < patterns.size(); ++k) {
    if (patterns[k].kind == kind &&
        (name.empty() || patterns[k].name == name)) {
      return &patterns[k].options[input.choice.patterns[k].option];
    }
  }
  return nullptr;
}

std::string_view SentenceOf(const RenderInput& input, std::string_view name) {
  const Option* option = ChosenOption(input, PatternKind::kSentence, name);
  return option == nullptr ? std::string_view() : option->text;
}

// Indices of the `count` largest values, largest first, ties by index.
std::vector<int> Largest(const Eigen::VectorXf& values, int count) {
  std::vector<int> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  count = std::min<int>(count, static_cast<int>(values.size()));
  std::partial_sort(
      order.begin(), order.begin() + count, order.end(), [&](int a, int b) {
        return values[a] != values[b] ? values[a] > values[b] : a < b;
      });
  order.resize(count);
  return order;
}

std::string BestCandidates(const RenderInput& input, int count) {
  const Eigen::VectorXf& scores = input.state.candidate_scores;
  // Equal scores know nothing.
  if (scores.size() == 0 || scores.maxCoeff() == scores.minCoeff()) return "";
  TitleList titles;
  for (const int i : Largest(scores, count)) {
    titles.Add(input.candidates[i].title);
  }
  return std::move(titles).Text();
}

std::string Neighbours(const RenderInput& input, int count) {
  const Eigen::VectorXf& user = input.state.user_embedding;
  if (input.items.size() == 0 || user.squaredNorm() == 0.0F) return "";
  std::vector<std::string_view> ids;
  for (const Item& item : input.history) ids.push_back(item.id);
  for (const Item& item : input.candidates) ids.push_back(item.id);
  std::vector<int64_t> known(ids.size());
  input.items.FindAll(ids, absl::MakeSpan(known));
  TitleList titles;
  for (const int64_t row : input.items.Nearest(user, count, known)) {
    titles.Add(input.items.title(row));
  }
  return std::move(titles).Text();
}

std::string FrequentGenres(const RenderInput& input, int count) {
  std::vector<std::pair<std::string, int>> counts;
  for (const Item& item : input.history) {
    for (const std::string& raw : item.genres) {
      std::string genre = Sanitize(raw, kMaxGenreCodePoints);
      if (genre.empty()) continue;
      const auto it =
          std::find_if(counts.begin(), counts.end(),
                       [&](const auto& entry) { return entry.first == genre; });
      if (it == counts.end()) {
        counts.emplace_back(std::move(genre), 1);
      } else {
        ++it->second;
      }
    }
  }
  std::stable_sort(
      counts.begin(), counts.end(),
      [](const auto& a, const auto& b) { return a.second > b.second; });
  counts.resize(std::min(counts.size(), static_cast<size_t>(count)));
  return absl::StrJoin(counts, ", ", [](std::string* out, const auto& entry) {
    out->append(entry.first);
  });
}

std::string HintData(const RenderInput& input, const Option& option) {
  switch (option.hint) {
    case HintSource::kNone:
      return "";
    case HintSource::kCandidates:
      return BestCandidates(input, option.hint_count);
    case HintSource::kNeighbours:
      return Neighbours(input, option.hint_count);
    case HintSource::kGenres:
      return FrequentGenres(input, option.hint_count);
  }
  return "";
}

void AddHint(const RenderInput& input, MessageBuilder& user) {
  const Option* option = ChosenOption(input, PatternKind::kHint, "");
  if (option == nullptr) return;
  std::string data = HintData(input, *option);
  if (data.empty()) return;
  const std::string_view slot =
      option->hint == HintSource::kGenres ? kGenresSlot : kItemsSlot;
  const std::string_view text = option->text;
  const size_t at = text.find(slot);
  user.NewLine();
  user.Instruction(text.substr(0, at));
  user.Data("hint", std::move(data));
  user.Instruction(text.substr(at + slot.size()));
}

void AddHistory(const RenderInput& input, MessageBuilder& user) {
  const Option* option = ChosenOption(input, PatternKind::kHistory, "");
  std::vector<int> shown =
      SelectHistory(option == nullptr ? Option{} : *option,
                    input.choice.history_length, input.history, input.state);
  if (shown.empty()) return;
  if (input.catalog.layout == Layout::kDataFirst) {
    std::reverse(shown.begin(), shown.end());
  }
  TitleList titles;
  size_t bytes = 0;
  for (const int i : shown) bytes += input.history[i].title.size() + 2;
  titles.Reserve(bytes);
  for (const int i : shown) titles.Add(input.history[i].title);
  user.Instruction(input.catalog.history_intro);
  user.Instruction(" ");
  user.Data("history", std::move(titles).Text());
  user.Instruction(".");
}

void AddCandidates(const RenderInput& input,
                   const std::vector<std::string>& displayed_titles,
                   MessageBuilder& user) {
  if (input.readout == Readout::kLikelihood &&
      !input.catalog.likelihood_lists_candidates) {
    return;
  }
  user.NewLine();
  user.Instruction(input.catalog.candidates_intro);
  for (size_t position = 0; position < displayed_titles.size(); ++position) {
    user.Instruction(
        absl::StrCat("\n", Label(static_cast<int>(position)), ". "));
    user.Data("candidates", displayed_titles[position]);
  }
}

void AddSentence(std::string_view sentence, MessageBuilder& user) {
  if (sentence.empty()) return;
  user.NewLine();
  user.Instruction(sentence);
}

void AddFormat(const RenderInput& input, MessageBuilder& user) {
  const Option* option = ChosenOption(input, PatternKind::kFormat, "");
  if (option == nullptr) return;
  AddSentence(option->text, user);
  if (input.readout == Readout::kGenerate) {
    AddSentence(option->generate_contract, user);
  } else if (input.readout == Readout::kLabels) {
    AddSentence(option->labels_contract, user);
  }
}

void AppendSized(std::string_view text, std::string& bytes) {
  absl::StrAppend(&bytes, text.size(), ":");
  bytes.append(text);
}

}  // namespace

std::string Message::Text() const {
  std::string text;
  for (const Segment& segment : segments) text += segment.text;
  return text;
}

std::string RenderedPrompt::CanonicalBytes() const {
  std::string bytes = absl::StrCat("readout ", static_cast<int>(readout), " ",
                                   messages.size(), " messages ");
  for (const Message& message : messages) {
    AppendSized(message.role, bytes);
    AppendSized(message.Text(), bytes);
  }
  absl::StrAppend(&bytes, displayed_titles.size(), " titles ");
  for (const std::string& title : displayed_titles) AppendSized(title, bytes);
  AppendSized(prior_prefix, bytes);
  return bytes;
}

RenderedPrompt Render(const RenderInput& input) {
  RenderedPrompt prompt;
  prompt.readout = input.readout;
  prompt.messages.reserve(3);
  prompt.displayed_titles.reserve(input.candidates.size());
  for (int position = 0; position < input.permutation.size(); ++position) {
    const int candidate = input.permutation.CandidateAt(position);
    prompt.displayed_titles.push_back(
        SanitizeTitle(input.candidates[candidate].title));
  }
  const bool data_first = input.catalog.layout == Layout::kDataFirst;
  const std::string_view role = SentenceOf(input, "role");
  if (!data_first && !role.empty()) {
    MessageBuilder system("system");
    system.Instruction(role);
    prompt.messages.push_back(std::move(system).Finish());
  }
  MessageBuilder user("user");
  user.Reserve(kUsualSegments);
  AddHistory(input, user);
  if (!data_first) AddHint(input, user);
  AddCandidates(input, prompt.displayed_titles, user);
  if (data_first) AddHint(input, user);
  AddSentence(SentenceOf(input, "reasoning"), user);
  if (data_first) AddSentence(role, user);
  AddFormat(input, user);
  prompt.messages.push_back(std::move(user).Finish());

  if (input.readout == Readout::kLikelihood) {
    prompt.prior_prefix = input.catalog.prior_prefix;
    MessageBuilder assistant("assistant");
    const Option* format = ChosenOption(input, PatternKind::kFormat, "");
    if (format != nullptr) assistant.Instruction(format->likelihood_primer);
    if (!assistant.empty()) {
      prompt.messages.push_back(std::move(assistant).Finish());
    }
  }
  return prompt;
}

std::vector<int> SelectHistory(const Option& option, int length,
                               absl::Span<const Item> history,
                               const UserState& state) {
  const int size = static_cast<int>(history.size());
  length = std::clamp(length, 0, size);
  if (option.selection == HistorySelection::kMostRecent || length == size) {
    std::vector<int> newest(length);
    std::iota(newest.begin(), newest.end(), size - length);
    return newest;
  }
  std::vector<int> order(size);
  std::iota(order.begin(), order.end(), 0);
  // Best first; the more recent one on a tie.
  const auto key = [&](int i) {
    switch (option.selection) {
      case HistorySelection::kHeaviest:
        return history[i].weight;
      case HistorySelection::kNearest:
        return state.history_nearness[i];
      case HistorySelection::kMostRecent:
        break;  // answered above
    }
    return 0.0F;
  };
  std::sort(order.begin(), order.end(), [&](int a, int b) {
    const float key_a = key(a);
    const float key_b = key(b);
    return key_a != key_b ? key_a > key_b : a > b;
  });
  order.resize(length);
  std::sort(order.begin(), order.end());
  return order;
}

}  // namespace attune::policy
