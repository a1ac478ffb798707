// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/item_proto.h"

#include <string>
#include <utility>

namespace attune::policy {

Item ItemFromProto(const v1::Item& proto) {
  Item item{.id = proto.item_id(),
            .title = proto.title(),
            .genres = {proto.genres().begin(), proto.genres().end()},
            .weight = proto.weight()};
  if (proto.has_interact_time()) {
    item.interact_seconds = proto.interact_time().seconds();
  }
  return item;
}

void ItemToProto(const Item& item, v1::Item* proto) {
  proto->set_item_id(item.id);
  proto->set_title(item.title);
  for (const std::string& genre : item.genres) proto->add_genres(genre);
  proto->set_weight(item.weight);
  if (item.interact_seconds.has_value()) {
    proto->mutable_interact_time()->set_seconds(*item.interact_seconds);
  }
}

std::vector<Item> ItemsFromProto(
    const google::protobuf::RepeatedPtrField<v1::Item>& protos) {
  std::vector<Item> items;
  items.reserve(protos.size());
  for (const v1::Item& proto : protos) items.push_back(ItemFromProto(proto));
  return items;
}

std::vector<Item> TakeItems(
    google::protobuf::RepeatedPtrField<v1::Item>& protos) {
  std::vector<Item> items(protos.size());
  for (int i = 0; i < protos.size(); ++i) {
    v1::Item& proto = protos[i];
    Item& item = items[i];
    item.id = std::move(*proto.mutable_item_id());
    item.title = std::move(*proto.mutable_title());
    item.genres.reserve(proto.genres_size());
    for (std::string& genre : *proto.mutable_genres()) {
      item.genres.push_back(std::move(genre));
    }
    item.weight = proto.weight();
    if (proto.has_interact_time()) {
      item.interact_seconds = proto.interact_time().seconds();
    }
  }
  return items;
}

void ItemsToProto(absl::Span<const Item> items,
                  google::protobuf::RepeatedPtrField<v1::Item>* protos) {
  for (const Item& item : items) ItemToProto(item, protos->Add());
}

}  // namespace attune::policy
