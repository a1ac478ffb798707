// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/prompt_request.h"

#include <algorithm>
#include <utility>

#include "policy/item_proto.h"
#include "policy/policy.h"
#include "policy/sanitizer.h"
#include "policy/status_macros.h"
#include "server/parse_message.h"
#include "server/wire.h"

namespace attune::server {
namespace {

using Type = WireReader::Type;

// What a longer request made grow is given back: the next one may make another
// part grow, and each thread has a request.
constexpr size_t kKeptWireBytes = 16 << 10;
// More than any catalog has patterns.
constexpr int kMaxOwnChoices = 256;

void Clear(std::string_view wire, PromptRequest* request) {
  if (request->wire.size() > kKeptWireBytes) {
    static_cast<void>(std::exchange(*request, PromptRequest()));
  }
  request->wire = wire;
  request->history.Clear();
  request->candidates.Clear();
  request->user_id.clear();
  request->policy.clear();
  request->revision.clear();
  request->previous.reset();
  request->own_choice.Clear();
  request->mode = v1::DECISION_MODE_UNSPECIFIED;
  request->readout = v1::READOUT_UNSPECIFIED;
  request->seed.reset();
}

// The readers below return false if the bytes are not what they know.

bool ReadText(const WireReader& reader, std::string* text) {
  if (reader.type() != Type::kBytes) return false;
  if (!policy::IsValidUtf8(reader.bytes())) return false;
  text->assign(reader.bytes());
  return true;
}

bool ReadTime(const WireReader& field, policy::Item* item) {
  if (field.type() != Type::kBytes) return false;
  int64_t seconds = 0;
  WireReader reader(field.bytes());
  while (reader.Next()) {
    if (reader.type() != Type::kVarint) return false;
    if (reader.field() == 1) {
      seconds = static_cast<int64_t>(reader.value());
    } else if (reader.field() != 2) {  // nanos are not kept
      return false;
    }
  }
  item->interact_seconds = seconds;
  return reader.good();
}

bool ReadItem(const WireReader& field, ItemList* list) {
  if (field.type() != Type::kBytes) return false;
  policy::Item& item = list->Add();
  size_t genres = 0;
  WireReader reader(field.bytes());
  while (reader.Next()) {
    bool read = false;
    switch (reader.field()) {
      case v1::Item::kItemIdFieldNumber:
        read = ReadText(reader, &item.id);
        break;
      case v1::Item::kTitleFieldNumber:
        read = ReadText(reader, &item.title);
        break;
      case v1::Item::kGenresFieldNumber:
        if (genres == policy::kMaxGenres) return false;
        if (item.genres.size() <= genres) item.genres.emplace_back();
        read = ReadText(reader, &item.genres[genres++]);
        break;
      case v1::Item::kWeightFieldNumber:
        read = reader.type() == Type::kFixed32;
        item.weight = reader.as_float();
        break;
      case v1::Item::kInteractTimeFieldNumber:
        // A message that comes twice is merged: Protobuf knows how.
        read = !item.interact_seconds.has_value() && ReadTime(reader, &item);
        break;
    }
    if (!read) return false;
  }
  item.genres.resize(genres);
  return reader.good();
}

// Negative and large values of an enum are left to Protobuf.
template <typename Enum>
bool ReadEnum(const WireReader& reader, Enum* value) {
  if (reader.type() != Type::kVarint || reader.value() > 0xFF) return false;
  *value = static_cast<Enum>(reader.value());
  return true;
}

// Elements are Protobuf's and used again.
bool ReadOwnChoice(const WireReader& reader, PromptRequest* request) {
  return reader.type() == Type::kBytes &&
         request->own_choice.Add()->ParseFromArray(
             reader.bytes().data(), static_cast<int>(reader.bytes().size()));
}

bool ReadPlain(std::string_view wire, PromptRequest* request) {
  using Proto = v1::GetPromptRequest;
  WireReader reader(wire);
  while (reader.Next()) {
    bool read = false;
    switch (reader.field()) {
      case Proto::kHistoryFieldNumber:
        read = request->history.size() < policy::kMaxHistoryItems &&
               ReadItem(reader, &request->history);
        break;
      case Proto::kCandidatesFieldNumber:
        read = request->candidates.size() < policy::kMaxCandidates &&
               ReadItem(reader, &request->candidates);
        break;
      case Proto::kUserIdFieldNumber:
        read = ReadText(reader, &request->user_id);
        break;
      case Proto::kPolicyFieldNumber:
        read = ReadText(reader, &request->policy);
        break;
      case Proto::kRevisionFieldNumber:
        read = ReadText(reader, &request->revision);
        break;
      case Proto::kModeFieldNumber:
        read = ReadEnum(reader, &request->mode);
        break;
      case Proto::kReadoutFieldNumber:
        read = ReadEnum(reader, &request->readout);
        break;
      case Proto::kSeedFieldNumber:
        read = reader.type() == Type::kVarint;
        request->seed = reader.value();
        break;
      case Proto::kOwnChoiceFieldNumber:
        read = request->own_choice.size() < kMaxOwnChoices &&
               ReadOwnChoice(reader, request);
        break;
    }
    // Refining requests (`previous`) are few; Protobuf reads them.
    if (!read) return false;
  }
  return reader.good();
}

int64_t Count(std::string_view message, int field) {
  int64_t count = 0;
  WireReader reader(message);
  while (reader.Next()) {
    if (reader.field() == field && reader.type() == Type::kBytes) ++count;
  }
  return count;
}

// Refuses what is two bytes each in the request, and a hundred in a message.
absl::Status CheckCounts(std::string_view wire) {
  using Proto = v1::GetPromptRequest;
  int64_t history = 0, candidates = 0, own_choices = 0, genres = 0, ranked = 0;
  WireReader reader(wire);
  while (reader.Next()) {
    if (reader.type() != Type::kBytes) continue;
    switch (reader.field()) {
      case Proto::kHistoryFieldNumber:
        ++history;
        genres = std::max(genres,
                          Count(reader.bytes(), v1::Item::kGenresFieldNumber));
        break;
      case Proto::kCandidatesFieldNumber:
        ++candidates;
        genres = std::max(genres,
                          Count(reader.bytes(), v1::Item::kGenresFieldNumber));
        break;
      case Proto::kPreviousFieldNumber:
        ranked = std::max(
            ranked, Count(reader.bytes(),
                          v1::PreviousDecision::kRankedItemIdsFieldNumber));
        break;
      case Proto::kOwnChoiceFieldNumber:
        ++own_choices;
        break;
    }
  }
  ATTUNE_RETURN_IF_ERROR(
      policy::CheckCount("history", history, 0, policy::kMaxHistoryItems));
  ATTUNE_RETURN_IF_ERROR(
      policy::CheckCount("candidates", candidates, 0, policy::kMaxCandidates));
  ATTUNE_RETURN_IF_ERROR(
      policy::CheckCount("own_choice", own_choices, 0, kMaxOwnChoices));
  ATTUNE_RETURN_IF_ERROR(
      policy::CheckCount("genres", genres, 0, policy::kMaxGenres));
  return policy::CheckCount("previous.ranked_item_ids", ranked, 0,
                            policy::kMaxCandidates);
}

void TakeItems(google::protobuf::RepeatedPtrField<v1::Item>& protos,
               ItemList* list) {
  for (policy::Item& item : policy::TakeItems(protos)) {
    list->Add() = std::move(item);
  }
}

void TakeAll(v1::GetPromptRequest& proto, PromptRequest* request) {
  TakeItems(*proto.mutable_history(), &request->history);
  TakeItems(*proto.mutable_candidates(), &request->candidates);
  request->user_id = proto.user_id();
  request->policy = proto.policy();
  request->revision = proto.revision();
  if (proto.has_previous()) request->previous = proto.previous();
  request->own_choice = std::move(*proto.mutable_own_choice());
  request->mode = proto.mode();
  request->readout = proto.readout();
  if (proto.has_seed()) request->seed = proto.seed();
}

}  // namespace

policy::Item& ItemList::Add() {
  if (size_ == items_.size()) items_.emplace_back();
  policy::Item& item = items_[size_++];
  item.id.clear();
  item.title.clear();
  // ReadItem writes over the genres that are there; others clear them.
  item.weight = 0.0F;
  item.interact_seconds.reset();
  return item;
}

absl::Status ReadPromptRequest(std::string_view wire, PromptRequest* request) {
  Clear(wire, request);
  if (ReadPlain(wire, request)) return absl::OkStatus();
  Clear(wire, request);
  ATTUNE_RETURN_IF_ERROR(CheckCounts(wire));
  v1::GetPromptRequest proto;
  ATTUNE_RETURN_IF_ERROR(ParseMessage(wire, &proto));
  TakeAll(proto, request);
  return absl::OkStatus();
}

}  // namespace attune::server
