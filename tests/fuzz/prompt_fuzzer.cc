// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// The bytes of a GetPrompt call to the bytes of its answer, as the server does
// it between two gRPC calls. A refusal has one of the codes of the API; an answer
// is a message with valid UTF-8, as many displayed candidates as were sent, and
// no chat marker in what is marked as others' text.

#include <google/protobuf/stubs/logging.h>

#include <cstring>
#include <memory>
#include <string>

#include "attune/v1/prompt_service.pb.h"
#include "policy/digest.h"
#include "policy/item_proto.h"
#include "policy/sanitizer.h"
#include "server/prompt_handler.h"
#include "tests/fuzz/fuzz.h"
#include "tests/server/temp_dir.h"
#include "tests/testing/message_mutator.h"

namespace attune::fuzz {
namespace {

using server::PromptHandler;

// A server without gRPC, log and time that passes.
class World {
 public:
  World()
      : registry_(server::RevisionRegistry::Open(
                      {dir_.path(),
                       policy::Revision::Uniform(
                           policy::Catalog::Parse(kTinyCatalogYaml).value(),
                           policy::Readout::kLabels)})
                      .value()),
        signer_(
            server::TokenSigner::Create({.key = std::string(32, 'k')}).value()),
        metrics_([] { return std::string(); }),
        handler_({.registry = registry_.get(),
                  .signer = &signer_,
                  .metrics = &metrics_,
                  .clock = [] { return absl::FromUnixSeconds(1764000000); },
                  .random =
                      [](absl::Span<uint8_t> bytes) {
                        std::memset(bytes.data(), 7, bytes.size());
                      }}) {
    const std::string body = TinyRevision(policy::HeadsKind::kAutoregressive);
    const auto added =
        registry_->Add(dir_.Write("part", body + policy::Sha256(body)));
    Require(added.ok(), "the revision is stored");
    Require(registry_->Activate(added->revision->id()).ok(), "and active");
  }

  const PromptHandler& handler() const { return handler_; }

 private:
  server::TempDir dir_;
  std::unique_ptr<server::RevisionRegistry> registry_;
  server::TokenSigner signer_;
  server::Metrics metrics_;
  PromptHandler handler_;
};

const PromptHandler& Handler() {
  static const auto* const world = new World();
  return world->handler();
}

bool IsRefusal(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnauthenticated:
      return true;
    default:
      return false;
  }
}

void RequireSafe(const v1::GetPromptResponse& response) {
  for (const auto& message : response.messages()) {
    for (const auto& segment : message.segments()) {
      Require(policy::IsValidUtf8(segment.text()), "texts are valid UTF-8");
      if (segment.kind() != v1::SEGMENT_KIND_UNTRUSTED_DATA) continue;
      for (const char* marker : {"<|", "[INST]", "###", "```", "</"}) {
        Require(segment.text().find(marker) == std::string::npos,
                "no chat marker in others' text");
      }
    }
  }
}

}  // namespace
}  // namespace attune::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned int seed) {
  using namespace attune::fuzz;  // NOLINT: the entry point has no namespace
  static const google::protobuf::LogSilencer silencer;
  attune::policy::Rng rng(seed);
  attune::v1::GetPromptRequest request;
  if (rng.Below(4) == 0 ||
      !request.ParseFromArray(data, static_cast<int>(size))) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  attune::testing::MutateMessage(&request, rng);
  std::string bytes = request.SerializeAsString();
  if (rng.Below(16) == 0) {
    bytes = attune::testing::MutateWire(std::move(bytes), rng);
  }
  if (bytes.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, bytes.data(), bytes.size());
  return bytes.size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace attune::fuzz;  // NOLINT: the entry point has no namespace
  static const google::protobuf::LogSilencer silencer;
  const std::string_view bytes = View(data, size);
  std::string answer;
  const absl::Status status = Handler().Answer(bytes, &answer);
  if (!status.ok()) {
    Require(IsRefusal(status.code()), "a refusal has a code of the API");
    return 0;
  }
  attune::v1::GetPromptRequest request;
  attune::v1::GetPromptResponse response;
  Require(request.ParseFromArray(data, static_cast<int>(size)),
          "what is answered is a request");
  Require(response.ParseFromString(answer), "the answer is a response");
  Require(
      response.answer().displayed_item_ids_size() == request.candidates_size(),
      "every candidate is displayed");
  RequireSafe(response);
  return 0;
}
