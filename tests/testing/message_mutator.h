// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_TESTING_MESSAGE_MUTATOR_H_
#define ATTUNE_TESTS_TESTING_MESSAGE_MUTATOR_H_

// Makes valid messages invalid in one place, so that what is behind the parser
// is reached. Pure functions of their arguments.

#include <google/protobuf/message.h>

#include <string>

#include "policy/random.h"

namespace attune::testing {

// Changes one thing somewhere in the message: a number to one at an edge, a text
// to another (also one that is not UTF-8), an enum to a value that does not
// exist; an entry of a list goes, comes twice or moves; a field is set or unset.
void MutateMessage(google::protobuf::Message* message, policy::Rng& rng);

// Changes the bytes of a message as such: lengths that lie, bits, cuts, fields
// that nobody knows, groups nested deeply, one piece many times.
std::string MutateWire(std::string bytes, policy::Rng& rng);

}  // namespace attune::testing

#endif  // ATTUNE_TESTS_TESTING_MESSAGE_MUTATOR_H_
