// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_PROMPT_REQUEST_H_
#define ATTUNE_SERVER_PROMPT_REQUEST_H_

// A GetPrompt request as the handler reads it. Filled from the bytes of a
// v1::GetPromptRequest and filled again for the thread's next one, so that its
// strings allocate nothing after a while.
//
// The bytes are read directly as long as they hold nothing out of the ordinary;
// whatever else they hold (fields that this code does not know, text that is not
// valid UTF-8) is left to Protobuf. So the two never disagree, and a new field
// works before this code knows it. Not thread-safe; owned by one thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "attune/v1/prompt_service.pb.h"
#include "policy/item.h"

namespace attune::server {

// Items whose memory is used again.
class ItemList {
 public:
  void Clear() { size_ = 0; }
  // An item with default values but for its genres, which are another's.
  policy::Item& Add();
  size_t size() const { return size_; }
  absl::Span<const policy::Item> items() const {
    return absl::MakeConstSpan(items_).subspan(0, size_);
  }

 private:
  std::vector<policy::Item> items_;
  size_t size_ = 0;
};

struct PromptRequest {
  // The v1::GetPromptRequest; valid as long as the bytes it was read from.
  std::string_view wire;
  ItemList history;
  ItemList candidates;
  std::string user_id;
  std::string policy;
  std::string revision;
  std::optional<v1::PreviousDecision> previous;
  google::protobuf::RepeatedPtrField<v1::PatternChoice> own_choice;
  v1::DecisionMode mode = v1::DECISION_MODE_UNSPECIFIED;
  v1::Readout readout = v1::READOUT_UNSPECIFIED;
  std::optional<uint64_t> seed;
};

// kInvalidArgument names the field that is not valid UTF-8, or has more elements
// than any request may have: those are refused before they take memory. `request`
// keeps the memory of small requests for the next one.
absl::Status ReadPromptRequest(std::string_view wire, PromptRequest* request);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_PROMPT_REQUEST_H_
