// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "tests/testing/message_mutator.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>
#include <vector>

namespace attune::testing {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int kMaxCopies = 2000;

int64_t EdgeNumber(policy::Rng& rng) {
  constexpr int64_t kEdges[] = {0,
                                1,
                                -1,
                                2,
                                26,
                                27,
                                64,
                                1000,
                                1001,
                                65536,
                                std::numeric_limits<int32_t>::max(),
                                std::numeric_limits<int32_t>::min(),
                                std::numeric_limits<int64_t>::max(),
                                std::numeric_limits<int64_t>::min()};
  return kEdges[rng.Below(std::size(kEdges))];
}

double EdgeReal(policy::Rng& rng) {
  const double edges[] = {0.0,
                          -0.0,
                          1.0,
                          -1.0,
                          1.0 + 1e-6,
                          1e-45,
                          3e38,
                          1e300,
                          std::numeric_limits<double>::infinity(),
                          -std::numeric_limits<double>::infinity(),
                          std::nan("")};
  return edges[rng.Below(std::size(edges))];
}

std::string EdgeText(std::string text, policy::Rng& rng) {
  constexpr const char* kTexts[] = {
      "",           " ",          "\xff",        "\xed\xa0\x80",
      "\xc0\x80",   "../../etc",  "/",           "\xe2\x80\xae",
      "<|im_end|>", "[INST] ###", "\n\nSystem:", "\xf0\x9f\x8e\xac",
      "a\tb",       "{items}",    "*",           "%s%n",
      "_",          "-1",         ".",           "A"};
  switch (rng.Below(5)) {
    case 0:
      return kTexts[rng.Below(std::size(kTexts))];
    case 1:
      return text.insert(rng.Below(static_cast<uint32_t>(text.size()) + 1),
                         kTexts[rng.Below(std::size(kTexts))]);
    case 2:
      return std::string(1 + rng.Below(4096), 'x');
    case 3:
      return text + std::string(1, '\0');
    default:
      if (text.empty()) return "\x80";
      text[rng.Below(static_cast<uint32_t>(text.size()))] ^=
          static_cast<char>(1U << rng.Below(8));
      return text;
  }
}

// Sets a single field that is no message.
void SetEdge(Message* message, const FieldDescriptor* field, policy::Rng& rng) {
  const Reflection& reflection = *message->GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection.SetInt32(message, field,
                                 static_cast<int32_t>(EdgeNumber(rng)));
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection.SetInt64(message, field, EdgeNumber(rng));
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.SetUInt32(message, field,
                                  static_cast<uint32_t>(EdgeNumber(rng)));
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection.SetUInt64(message, field,
                                  static_cast<uint64_t>(EdgeNumber(rng)));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return reflection.SetFloat(message, field,
                                 static_cast<float>(EdgeReal(rng)));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection.SetDouble(message, field, EdgeReal(rng));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.SetBool(message, field, rng.Below(2) == 1);
    case FieldDescriptor::CPPTYPE_ENUM:
      return reflection.SetEnumValue(message, field,
                                     static_cast<int>(EdgeNumber(rng)));
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection.SetString(
          message, field, EdgeText(reflection.GetString(*message, field), rng));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      reflection.MutableMessage(message, field);
  }
}

// Adds an entry: a copy of another, or an empty one.
void AddEntry(Message* message, const FieldDescriptor* field, int from) {
  const Reflection& reflection = *message->GetReflection();
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    Message* const entry = reflection.AddMessage(message, field);
    if (from >= 0) {
      entry->CopyFrom(reflection.GetRepeatedMessage(*message, field, from));
    }
  } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    reflection.AddString(
        message, field,
        from < 0 ? "" : reflection.GetRepeatedString(*message, field, from));
  } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_INT32) {
    reflection.AddInt32(message, field, -1);
  } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
    reflection.AddInt64(message, field, -1);
  } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_FLOAT) {
    reflection.AddFloat(message, field, std::nanf(""));
  }
}

void MutateList(Message* message, const FieldDescriptor* field,
                policy::Rng& rng) {
  const Reflection& reflection = *message->GetReflection();
  const int size = reflection.FieldSize(*message, field);
  const int at =
      size == 0 ? -1 : static_cast<int>(rng.Below(static_cast<uint32_t>(size)));
  switch (rng.Below(8)) {
    case 0:
      if (size > 0) reflection.RemoveLast(message, field);
      return;
    case 1:
      return AddEntry(message, field, at);
    case 2:
      if (size > 1) reflection.SwapElements(message, field, 0, at);
      return;
    case 3:
      for (uint32_t i = rng.Below(30); i > 0; --i) AddEntry(message, field, at);
      return;
    case 4:
      if (rng.Below(64) == 0) {
        for (int i = 0; i < kMaxCopies; ++i) AddEntry(message, field, at);
      }
      return;
    default:
      if (at < 0) return AddEntry(message, field, -1);
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        MutateMessage(reflection.MutableRepeatedMessage(message, field, at),
                      rng);
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        reflection.SetRepeatedString(
            message, field, at,
            EdgeText(reflection.GetRepeatedString(*message, field, at), rng));
      }
  }
}

void AppendVarint(uint64_t value, std::string* bytes) {
  for (; value >= 0x80; value >>= 7) {
    bytes->push_back(static_cast<char>(value | 0x80));
  }
  bytes->push_back(static_cast<char>(value));
}

}  // namespace

void MutateMessage(Message* message, policy::Rng& rng) {
  const auto* const descriptor = message->GetDescriptor();
  if (descriptor->field_count() == 0) return;
  const FieldDescriptor* const field = descriptor->field(static_cast<int>(
      rng.Below(static_cast<uint32_t>(descriptor->field_count()))));
  if (field->is_repeated()) return MutateList(message, field, rng);
  if (rng.Below(8) == 0) {
    return message->GetReflection()->ClearField(message, field);
  }
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    return MutateMessage(
        message->GetReflection()->MutableMessage(message, field), rng);
  }
  SetEdge(message, field, rng);
}

std::string MutateWire(std::string bytes, policy::Rng& rng) {
  const auto place = [&] {
    return rng.Below(static_cast<uint32_t>(bytes.size()) + 1);
  };
  switch (rng.Below(8)) {
    case 0:
      bytes.resize(place());
      return bytes;
    case 1: {  // a length that lies
      std::string lie;
      AppendVarint((1 + rng.Below(15)) << 3 | 2, &lie);
      AppendVarint(rng() >> rng.Below(64), &lie);
      return bytes.insert(place(), lie);
    }
    case 2: {  // a field that nobody knows, or a wire type that there is not
      std::string field;
      AppendVarint(rng() >> rng.Below(64), &field);
      return bytes + field;
    }
    case 3:  // groups in groups
      return bytes + std::string(1 + rng.Below(4000), '\x0b');
    case 4: {  // messages in messages
      std::string nested;
      for (int i = 0; i < 200; ++i) {
        std::string outer(1, static_cast<char>((1 + rng.Below(15)) << 3 | 2));
        AppendVarint(nested.size(), &outer);
        nested = outer + nested;
      }
      return bytes + nested;
    }
    case 5: {  // many times the same
      const std::string once = bytes;
      while (!once.empty() && bytes.size() < (64U << 10)) bytes += once;
      return bytes;
    }
    case 6: {  // noise
      std::string noise(rng.Below(200), '\0');
      for (char& c : noise) c = static_cast<char>(rng());
      return noise;
    }
    default:
      for (uint32_t i = 1 + rng.Below(4); i > 0 && !bytes.empty(); --i) {
        bytes[rng.Below(static_cast<uint32_t>(bytes.size()))] =
            static_cast<char>(rng());
      }
      return bytes;
  }
}

}  // namespace attune::testing
