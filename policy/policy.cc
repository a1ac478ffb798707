// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/policy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "policy/item_index.h"
#include "policy/random.h"
#include "policy/sanitizer.h"
#include "policy/status_macros.h"

namespace attune::policy {
namespace {

// `field` is only made into a string on error.
struct Field {
  const char* list;
  size_t index;
  const char* name;
  absl::Status Error(const std::string& what) const {
    return absl::InvalidArgumentError(
        absl::StrCat(list, "[", index, "].", name, ": ", what));
  }
};

absl::Status CheckText(const Field& field, const std::string& text, int low,
                       int high) {
  if (static_cast<int64_t>(text.size()) < low) return field.Error("empty");
  if (static_cast<int64_t>(text.size()) > high) {
    return field.Error(absl::StrCat(text.size(), " bytes, at most ", high));
  }
  if (!IsValidUtf8(text)) return field.Error("not valid UTF-8");
  return absl::OkStatus();
}

absl::Status CheckItem(const char* list, size_t index, const Item& item) {
  ATTUNE_RETURN_IF_ERROR(
      CheckText({list, index, "item_id"}, item.id, 1, kMaxIdBytes));
  ATTUNE_RETURN_IF_ERROR(
      CheckText({list, index, "title"}, item.title, 1, kMaxTitleBytes));
  const Field genres{list, index, "genres"};
  if (item.genres.size() > kMaxGenres) {
    return genres.Error(
        absl::StrCat(item.genres.size(), " genres, at most ", kMaxGenres));
  }
  for (const std::string& genre : item.genres) {
    ATTUNE_RETURN_IF_ERROR(CheckText(genres, genre, 0, kMaxGenreBytes));
  }
  if (!std::isfinite(item.weight) || item.weight < 0.0F) {
    return Field{list, index, "weight"}.Error("not finite or below 0");
  }
  return absl::OkStatus();
}

// The ids of a list seen so far. Of a short list's they are kept in a table on
// the stack: most lists are short, and every request has two.
class IdSet {
 public:
  explicit IdSet(absl::Span<const Item> items) : items_(items) {
    if (items.size() > kMaxShort) long_.reserve(items.size());
  }

  // False if item i's id is that of an earlier one.
  bool Insert(size_t i) {
    if (items_.size() > kMaxShort) return long_.insert(items_[i].id).second;
    size_t slot = HashItemId(items_[i].id) % kSlots;
    for (; taken_by_[slot] != 0; slot = (slot + 1) % kSlots) {
      if (items_[taken_by_[slot] - 1].id == items_[i].id) return false;
    }
    taken_by_[slot] = static_cast<uint8_t>(i + 1);
    return true;
  }

 private:
  static constexpr size_t kMaxShort = 64;
  static constexpr size_t kSlots = 256;

  const absl::Span<const Item> items_;
  // Index of an item plus one; 0 if the slot is free.
  std::array<uint8_t, kSlots> taken_by_ = {};
  absl::flat_hash_set<std::string_view> long_;
};

absl::Status CheckItems(const char* list, absl::Span<const Item> items) {
  IdSet ids(items);
  for (size_t i = 0; i < items.size(); ++i) {
    ATTUNE_RETURN_IF_ERROR(CheckItem(list, i, items[i]));
    if (!ids.Insert(i)) {
      return Field{list, i, "item_id"}.Error("repeated, ids must be distinct");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPrevious(const PreviousIteration& previous,
                           size_t candidates) {
  if (previous.history_length < 0 ||
      previous.history_length > kMaxHistoryItems) {
    return absl::InvalidArgumentError(absl::StrCat(
        "previous.history_length: must be in [0, ", kMaxHistoryItems, "]"));
  }
  std::vector<bool> seen(candidates, false);
  for (size_t i = 0; i < previous.ranking.size(); ++i) {
    const int candidate = previous.ranking[i];
    const bool in_range =
        candidate >= 0 && candidate < static_cast<int>(candidates);
    if (!in_range || seen[candidate]) {
      return absl::InvalidArgumentError(absl::StrCat(
          "previous.ranking[", i, "]: ",
          in_range ? "repeated, entries must be distinct"
                   : absl::StrCat("must be in [0, ", candidates, ")")));
    }
    seen[candidate] = true;
  }
  return absl::OkStatus();
}

absl::Status CheckOptions(const char* field, const Catalog& catalog,
                          absl::Span<const int> options) {
  if (options.size() != catalog.patterns.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": ", options.size(), " options, the catalog has ",
                     catalog.patterns.size(), " patterns"));
  }
  for (size_t k = 0; k < options.size(); ++k) {
    const size_t n = catalog.patterns[k].options.size();
    if (options[k] < 0 || options[k] >= static_cast<int>(n)) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, "[", k, "] (", catalog.patterns[k].name,
                       "): must be in [0, ", n, ")"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRequest(const Catalog& catalog, const Request& request) {
  ATTUNE_RETURN_IF_ERROR(Validate(request));
  if (!request.previous.has_value()) return absl::OkStatus();
  return CheckOptions("previous.options", catalog, request.previous->options);
}

// Items that the chosen history option shows; all if no pattern asks.
int HistoryLength(const Catalog& catalog, const Choice& choice,
                  const Request& request) {
  const int available = static_cast<int>(request.history.size());
  for (size_t k = 0; k < catalog.patterns.size(); ++k) {
    const Pattern& pattern = catalog.patterns[k];
    if (pattern.kind != PatternKind::kHistory) continue;
    int64_t length = pattern.options[choice.patterns[k].option].history_length;
    if (catalog.cumulative_history) {
      length += request.previous.has_value() ? request.previous->history_length
                                             : catalog.initial_history_length;
    }
    return static_cast<int>(
        std::clamp<int64_t>(length, 0, static_cast<int64_t>(available)));
  }
  return available;
}

}  // namespace

absl::Status CheckCount(const char* field, int64_t count, int low, int high) {
  if (count >= low && count <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(
      count < low ? absl::StrCat(field, ": ", count, " items, at least ", low)
                  : absl::StrCat(field, ": ", count, " items, at most ", high));
}

absl::Status Validate(const Request& request) {
  ATTUNE_RETURN_IF_ERROR(
      CheckCount("history", request.history.size(), 1, kMaxHistoryItems));
  ATTUNE_RETURN_IF_ERROR(CheckCount("candidates", request.candidates.size(),
                                    kMinCandidates, kMaxCandidates));
  ATTUNE_RETURN_IF_ERROR(CheckItems("history", request.history));
  ATTUNE_RETURN_IF_ERROR(CheckItems("candidates", request.candidates));
  if (request.permutation.has_value() &&
      request.permutation->size() !=
          static_cast<int>(request.candidates.size())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "permutation: ", request.permutation->size(), " positions for ",
        request.candidates.size(), " candidates"));
  }
  if (!request.previous.has_value()) return absl::OkStatus();
  return CheckPrevious(*request.previous, request.candidates.size());
}

Policy Policy::Uniform(std::shared_ptr<const Catalog> catalog,
                       Readout readout) {
  const MatrixView none(nullptr, 0, 0);
  UserStateEncoder encoder(EncoderSettings{}, ItemTable(), none, none, Gru());
  Actor actor(catalog->OptionCounts());
  return Policy(std::move(catalog), std::move(encoder), std::move(actor),
                readout);
}

Policy::Policy(std::shared_ptr<const Catalog> catalog, UserStateEncoder encoder,
               Actor actor, Readout readout)
    : catalog_(std::move(catalog)),
      encoder_(std::move(encoder)),
      actor_(std::move(actor)),
      readout_(readout) {}

absl::StatusOr<Decision> Policy::Decide(const Request& request) const {
  ATTUNE_RETURN_IF_ERROR(CheckRequest(*catalog_, request));
  UserState state = EncodeValid(request);
  Rng rng(request.seed, kSamplingStream);
  Choice choice = actor_.Decide(state.features, request.mode, rng);
  return RenderValid(request, std::move(choice), std::move(state));
}

absl::StatusOr<Decision> Policy::Preview(const Request& request,
                                         absl::Span<const int> options) const {
  ATTUNE_RETURN_IF_ERROR(CheckRequest(*catalog_, request));
  ATTUNE_RETURN_IF_ERROR(CheckOptions("options", *catalog_, options));
  Choice choice;
  choice.patterns.reserve(options.size());
  for (const int option : options) {
    choice.patterns.push_back({.option = option, .probability = 1.0F});
  }
  return RenderValid(request, std::move(choice), EncodeValid(request));
}

absl::StatusOr<UserState> Policy::Encode(const Request& request) const {
  ATTUNE_RETURN_IF_ERROR(CheckRequest(*catalog_, request));
  return EncodeValid(request);
}

UserState Policy::EncodeValid(const Request& request) const {
  return encoder_.Encode(request.history, request.candidates,
                         actor_.option_offsets(), request.previous);
}

Decision Policy::RenderValid(const Request& request, Choice choice,
                             UserState state) const {
  choice.history_length = HistoryLength(*catalog_, choice, request);
  Rng rng(request.seed, kPermutationStream);
  const int candidates = static_cast<int>(request.candidates.size());
  Permutation permutation = request.permutation.has_value()
                                ? *request.permutation
                                : Permutation::Random(candidates, rng);
  RenderedPrompt prompt =
      Render({.catalog = *catalog_,
              .choice = choice,
              .history = request.history,
              .candidates = request.candidates,
              .state = state,
              .items = encoder_.items(),
              .permutation = permutation,
              .readout = request.readout.value_or(readout_)});
  return {.choice = std::move(choice),
          .permutation = std::move(permutation),
          .prompt = std::move(prompt),
          .state = std::move(state)};
}

}  // namespace attune::policy
