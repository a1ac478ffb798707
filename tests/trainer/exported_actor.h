// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_TRAINER_EXPORTED_ACTOR_H_
#define ATTUNE_TESTS_TRAINER_EXPORTED_ACTOR_H_

// What a revision would make of a learner's or a network's tensors.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "policy/actor.h"
#include "policy/gru.h"
#include "policy/item_table.h"
#include "policy/revision.h"
#include "trainer/actor_network.h"

namespace attune::trainer {

// policy::Actor and policy::Gru on exported tensors.
class Exported {
 public:
  Exported(const NetworkSpec& spec, std::vector<policy::NamedTensor> tensors)
      : spec_(spec) {
    for (policy::NamedTensor& tensor : tensors) {
      tensors_[tensor.name] = std::move(tensor);
    }
  }

  policy::Actor Actor() const {
    std::vector<policy::HeadWeights> heads;
    for (const std::string& pattern : spec_.patterns) {
      const std::string prefix = "head." + pattern + ".";
      heads.push_back({.w1 = View(prefix + "w1"),
                       .c1 = View(prefix + "c1"),
                       .w2 = View(prefix + "w2"),
                       .c2 = View(prefix + "c2"),
                       .bias = View(prefix + "bias")});
    }
    return {spec_.heads, spec_.options_per_pattern, std::move(heads),
            policy::MatrixView(spec_.option_embeddings.data(),
                               spec_.option_embeddings.rows(),
                               spec_.option_embeddings.cols()),
            View("option_projection")};
  }

  policy::Gru Gru() const {
    return {View("gru.weight_ih"), View("gru.weight_hh"), View("gru.bias_ih"),
            View("gru.bias_hh")};
  }

 private:
  policy::MatrixView View(const std::string& name) const {
    const policy::NamedTensor& tensor = tensors_.at(name);
    return {tensor.values.data(), tensor.shape.at(0), tensor.shape.at(1)};
  }

  NetworkSpec spec_;
  std::map<std::string, policy::NamedTensor> tensors_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TESTS_TRAINER_EXPORTED_ACTOR_H_
