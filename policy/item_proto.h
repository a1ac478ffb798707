// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_ITEM_PROTO_H_
#define ATTUNE_POLICY_ITEM_PROTO_H_

// Converts items between the library's value and the API's message. Nothing is
// validated; times keep whole seconds.
//
// Pure functions; safe to call from any thread.

#include <vector>

#include "absl/types/span.h"
#include "attune/v1/prompt.pb.h"
#include "policy/item.h"

namespace attune::policy {

Item ItemFromProto(const v1::Item& proto);
void ItemToProto(const Item& item, v1::Item* proto);

std::vector<Item> ItemsFromProto(
    const google::protobuf::RepeatedPtrField<v1::Item>& protos);
// As ItemsFromProto, but moves the strings out of the messages.
std::vector<Item> TakeItems(
    google::protobuf::RepeatedPtrField<v1::Item>& protos);

void ItemsToProto(absl::Span<const Item> items,
                  google::protobuf::RepeatedPtrField<v1::Item>* protos);

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_ITEM_PROTO_H_
