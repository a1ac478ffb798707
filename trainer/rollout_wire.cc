// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/rollout_wire.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "attune/v1/rollout.pb.h"
#include "policy/status_macros.h"

namespace attune::trainer {
namespace {

constexpr const char* kRoles[] = {"system", "user", "assistant"};

absl::Status Garbage(const char* what) {
  return absl::DataLossError(
      absl::StrCat("what is in Redis is no ", what, " of a rollout"));
}

template <typename Message>
absl::StatusOr<Message> Parse(std::string_view bytes, const char* what) {
  Message message;
  if (bytes.size() > kMaxRolloutBytes ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Garbage(what);
  }
  return message;
}

absl::Status CheckProtocol(int protocol) {
  if (protocol == kRolloutProtocol) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "speaks protocol ", protocol, ", we speak ", kRolloutProtocol,
      ": learner and workers must be the same version of attune_trainer"));
}

absl::StatusOr<policy::Message> ReadMessage(const v1::RolloutMessage& message) {
  const auto* role = std::find(std::begin(kRoles), std::end(kRoles),
                               std::string_view(message.role()));
  if (role == std::end(kRoles)) return Garbage("request");
  policy::Message out{.role = *role};
  out.segments.push_back({.text = message.text()});
  return out;
}

v1::RolloutAnswer FaultMessage(const absl::Status& fault,
                               const std::string& worker) {
  v1::RolloutAnswer message;
  message.set_worker(worker);
  message.mutable_fault()->set_code(static_cast<int>(fault.code()));
  message.mutable_fault()->set_message(std::string(fault.message()));
  return message;
}

v1::RolloutAnswer AnswerMessage(const LlmAnswer& answer,
                                const std::string& worker) {
  v1::RolloutAnswer message;
  message.set_worker(worker);
  message.set_text(answer.text);
  message.mutable_displayed_scores()->Assign(answer.displayed_scores.begin(),
                                             answer.displayed_scores.end());
  message.set_llm_calls(answer.usage.llm_calls);
  message.set_prompt_tokens(answer.usage.prompt_tokens);
  message.set_reused_tokens(answer.usage.reused_tokens);
  message.set_answer_tokens(answer.usage.answer_tokens);
  message.set_seconds(answer.usage.seconds);
  return message;
}

}  // namespace

LlmFacts FactsOf(const LlmBackend& backend) {
  return {.llm = backend.SharedIdentity(),
          .cacheable = backend.Cacheable(),
          .samples = backend.Samples()};
}

std::string EncodeRun(const RolloutRun& run) {
  v1::RolloutRun message;
  message.set_protocol(kRolloutProtocol);
  message.set_llm(run.llm);
  message.set_lease_ms(absl::ToInt64Milliseconds(run.lease));
  return message.SerializeAsString();
}

std::string EncodeWorker(const LlmFacts& facts) {
  v1::RolloutWorker message;
  message.set_protocol(kRolloutProtocol);
  message.set_llm(facts.llm);
  message.set_cacheable(facts.cacheable);
  message.set_samples(facts.samples);
  return message.SerializeAsString();
}

absl::StatusOr<RolloutRun> DecodeRun(std::string_view bytes) {
  ATTUNE_ASSIGN_OR_RETURN(const auto message,
                          Parse<v1::RolloutRun>(bytes, "run"));
  ATTUNE_RETURN_IF_ERROR(CheckProtocol(message.protocol()));
  if (message.lease_ms() < 1) return Garbage("run");
  return RolloutRun{.llm = message.llm(),
                    .lease = absl::Milliseconds(message.lease_ms())};
}

absl::StatusOr<LlmFacts> DecodeWorker(std::string_view bytes) {
  ATTUNE_ASSIGN_OR_RETURN(const auto message,
                          Parse<v1::RolloutWorker>(bytes, "worker"));
  ATTUNE_RETURN_IF_ERROR(CheckProtocol(message.protocol()));
  return LlmFacts{.llm = message.llm(),
                  .cacheable = message.cacheable(),
                  .samples = message.samples()};
}

LlmRequest RemoteRequest::Ask() const {
  return {.prompt = &prompt,
          .seed = seed,
          .sim_task = sim_task,
          .sim_options = sim_options};
}

absl::StatusOr<std::string> EncodeRequest(const LlmRequest& request) {
  v1::RolloutRequest message;
  message.set_readout(static_cast<v1::Readout>(request.prompt->readout));
  for (const policy::Message& said : request.prompt->messages) {
    v1::RolloutMessage* out = message.add_messages();
    out->set_role(said.role);
    out->set_text(said.Text());
  }
  for (const std::string& title : request.prompt->displayed_titles) {
    message.add_displayed_titles(title);
  }
  message.set_prior_prefix(request.prompt->prior_prefix);
  message.set_seed(request.seed);
  message.set_sim_task(request.sim_task);
  message.mutable_sim_options()->Assign(request.sim_options.begin(),
                                        request.sim_options.end());
  std::string bytes = message.SerializeAsString();
  if (bytes.size() <= kMaxRolloutBytes) return bytes;
  return absl::InvalidArgumentError(
      absl::StrCat("a prompt of ", bytes.size(),
                   " bytes is too large for workers,"
                   " who take at most ",
                   kMaxRolloutBytes));
}

absl::StatusOr<RemoteRequest> DecodeRequest(std::string_view bytes) {
  ATTUNE_ASSIGN_OR_RETURN(const auto message,
                          Parse<v1::RolloutRequest>(bytes, "request"));
  if (message.readout() < v1::READOUT_GENERATE ||
      message.readout() > v1::READOUT_LIKELIHOOD ||
      message.messages_size() == 0) {
    return Garbage("request");
  }
  RemoteRequest request;
  request.prompt.readout = static_cast<policy::Readout>(message.readout());
  for (const v1::RolloutMessage& said : message.messages()) {
    ATTUNE_ASSIGN_OR_RETURN(policy::Message read, ReadMessage(said));
    request.prompt.messages.push_back(std::move(read));
  }
  request.prompt.displayed_titles.assign(message.displayed_titles().begin(),
                                         message.displayed_titles().end());
  request.prompt.prior_prefix = message.prior_prefix();
  request.seed = message.seed();
  request.sim_task = message.sim_task();
  request.sim_options.assign(message.sim_options().begin(),
                             message.sim_options().end());
  return request;
}

std::string EncodeAnswer(const absl::StatusOr<LlmAnswer>& answer,
                         const std::string& worker) {
  const v1::RolloutAnswer message = answer.ok()
                                        ? AnswerMessage(*answer, worker)
                                        : FaultMessage(answer.status(), worker);
  std::string bytes = message.SerializeAsString();
  if (bytes.size() <= kMaxRolloutBytes) return bytes;
  const absl::Status fault =
      absl::DataLossError(absl::StrCat("the LLM's answer has ", bytes.size(),
                                       " bytes, more than ", kMaxRolloutBytes));
  return FaultMessage(fault, worker).SerializeAsString();
}

absl::StatusOr<LlmAnswer> DecodeAnswer(std::string_view bytes) {
  ATTUNE_ASSIGN_OR_RETURN(const auto message,
                          Parse<v1::RolloutAnswer>(bytes, "answer"));
  if (message.has_fault()) {
    const auto code = static_cast<absl::StatusCode>(message.fault().code());
    if (code == absl::StatusCode::kOk) return Garbage("answer");
    return absl::Status(code, absl::StrCat("worker ", message.worker(), ": ",
                                           message.fault().message()));
  }
  return LlmAnswer{.text = message.text(),
                   .displayed_scores = {message.displayed_scores().begin(),
                                        message.displayed_scores().end()},
                   .usage = {.llm_calls = message.llm_calls(),
                             .prompt_tokens = message.prompt_tokens(),
                             .reused_tokens = message.reused_tokens(),
                             .answer_tokens = message.answer_tokens(),
                             .seconds = message.seconds()}};
}

}  // namespace attune::trainer
