// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/openai_backend.h"

#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "policy/status_macros.h"

namespace attune::trainer {
namespace {

constexpr int kReadoutVersion = 1;
constexpr int64_t kBytesPerToken = 2;

absl::StatusOr<std::string> ApiKey(const OpenAiOptions& options) {
  std::string key;
  if (!options.api_key_file.empty()) {
    std::ifstream in(options.api_key_file);
    if (!in) return absl::NotFoundError("API key file: cannot be opened");
    std::ostringstream content;
    content << in.rdbuf();
    key = content.str();
  } else if (!options.api_key_env.empty()) {
    const char* value = std::getenv(options.api_key_env.c_str());
    if (value == nullptr) {
      return absl::NotFoundError("API key variable: is not set");
    }
    key = value;
  } else {
    return key;
  }
  absl::StripAsciiWhitespace(&key);
  if (key.empty()) return absl::FailedPreconditionError("API key: is empty");
  for (const char c : key) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c))) {
      return absl::FailedPreconditionError(
          "API key: has a character that is not printable ASCII");
    }
  }
  return key;
}

absl::Status Validate(const OpenAiOptions& options) {
  const std::string& url = options.url;
  const size_t host = url.find("://");
  if (host == std::string::npos) {
    return absl::InvalidArgumentError(
        "LLM URL: must begin with http:// or https://");
  }
  if (url.substr(host + 3, url.find('/', host + 3) - host - 3).find('@') !=
      std::string::npos) {
    return absl::InvalidArgumentError(
        "LLM URL: must not hold a user or password; name a key file");
  }
  if (!options.api_key_file.empty() && !options.api_key_env.empty()) {
    return absl::InvalidArgumentError(
        "API key: name a file or a variable, not both");
  }
  if (options.chat.max_tokens < 1) {
    return absl::InvalidArgumentError("max_tokens: must be at least 1");
  }
  if (!(options.chat.temperature >= 0.0 && options.chat.temperature <= 10.0)) {
    return absl::InvalidArgumentError("temperature: must be in [0, 10]");
  }
  if (options.retry.max_attempts < 1 || options.token_budget < 0) {
    return absl::InvalidArgumentError(
        "max_attempts must be at least 1, token_budget at least 0");
  }
  return absl::OkStatus();
}

}  // namespace

// The requests of one Answer().
class OpenAiBackend::Batch final : public HttpPool::Delegate {
 public:
  Batch(OpenAiBackend& backend, absl::Span<const LlmRequest> requests)
      : backend_(backend),
        answers_(requests.size(), absl::InternalError("not answered")) {
    for (size_t i = 0; i < requests.size(); ++i) {
      const policy::RenderedPrompt& prompt = *requests[i].prompt;
      absl::StatusOr<std::string> body =
          ChatRequestJson(prompt, backend.options_.chat, requests[i].seed);
      if (!body.ok()) {
        answers_[i] = body.status();
        continue;
      }
      Job& job = jobs_.emplace_back();
      job.request = i;
      job.prompt = &prompt;
      job.reservation = static_cast<int64_t>(body->size()) / kBytesPerToken +
                        (prompt.readout == policy::Readout::kLabels
                             ? 1
                             : backend.options_.chat.max_tokens);
      bodies_.push_back(*std::move(body));
    }
  }

  Admission Admit(size_t i, int in_flight) override {
    Job& job = jobs_[i];
    const int64_t budget = backend_.options_.token_budget;
    const int64_t spent =
        backend_.total_.prompt_tokens + backend_.total_.answer_tokens;
    if (budget > 0 && spent + backend_.reserved_ + job.reservation > budget) {
      if (in_flight > 0) return Admission::kLater;
      answers_[job.request] = absl::ResourceExhaustedError(absl::StrCat(
          "token budget: ", budget, " tokens leave no room for another call"));
      return Admission::kRefuse;
    }
    backend_.reserved_ += job.reservation;
    ++backend_.attempts_;
    ++job.attempts;
    return Admission::kStart;
  }

  std::optional<std::chrono::milliseconds> Finish(size_t i,
                                                  HttpReply reply) override {
    Job& job = jobs_[i];
    backend_.reserved_ -= job.reservation;
    job.usage.seconds += reply.seconds;
    backend_.total_.seconds += reply.seconds;
    absl::StatusOr<LlmAnswer> answer = Read(job, reply);
    if (absl::IsDataLoss(answer.status())) ++job.malformed;
    if (answer.ok()) answer->usage = job.usage;
    answers_[job.request] = std::move(answer);
    return WaitBeforeRetry(backend_.options_.retry,
                           answers_[job.request].status(), job.attempts,
                           job.malformed, reply.retry_after, backend_.rng_);
  }

  const std::vector<std::string>& bodies() const { return bodies_; }
  std::vector<absl::StatusOr<LlmAnswer>> TakeAnswers() {
    return std::move(answers_);
  }

 private:
  struct Job {
    size_t request = 0;
    const policy::RenderedPrompt* prompt = nullptr;
    int64_t reservation = 0;
    int attempts = 0;
    int malformed = 0;
    Usage usage;  // of all its calls
  };

  absl::StatusOr<LlmAnswer> Read(Job& job, const HttpReply& reply) {
    // Whatever began with a 200 was worked on by the LLM.
    if (reply.http_status == 200) Charge(job, reply);
    ATTUNE_RETURN_IF_ERROR(reply.transport);
    if (reply.http_status != 200) return StatusOfHttp(reply.http_status);
    return ParseChatAnswer(reply.body, *job.prompt);
  }

  void Charge(Job& job, const HttpReply& reply) {
    Usage usage =
        ParseUsage(reply.body)
            .value_or(Usage{.llm_calls = 1, .prompt_tokens = job.reservation});
    for (Usage* sum : {&job.usage, &backend_.total_}) {
      sum->llm_calls += usage.llm_calls;
      sum->prompt_tokens += usage.prompt_tokens;
      sum->answer_tokens += usage.answer_tokens;
    }
  }

  OpenAiBackend& backend_;
  std::vector<Job> jobs_;
  std::vector<std::string> bodies_;  // parallel to jobs_
  std::vector<absl::StatusOr<LlmAnswer>> answers_;
};

absl::StatusOr<std::unique_ptr<OpenAiBackend>> OpenAiBackend::Create(
    OpenAiOptions options) {
  ATTUNE_RETURN_IF_ERROR(Validate(options));
  ATTUNE_ASSIGN_OR_RETURN(const std::string key, ApiKey(options));
  HttpOptions http = options.http;
  http.url =
      absl::StrCat(absl::StripSuffix(options.url, "/"), "/chat/completions");
  if (!key.empty()) http.authorization = "Bearer " + key;
  ATTUNE_ASSIGN_OR_RETURN(std::unique_ptr<HttpPool> pool,
                          HttpPool::Create(std::move(http)));
  return std::unique_ptr<OpenAiBackend>(
      new OpenAiBackend(std::move(options), std::move(pool)));
}

OpenAiBackend::OpenAiBackend(OpenAiOptions options,
                             std::unique_ptr<HttpPool> pool)
    : options_(std::move(options)),
      pool_(std::move(pool)),
      rng_(options_.seed) {}

std::vector<absl::StatusOr<LlmAnswer>> OpenAiBackend::Answer(
    absl::Span<const LlmRequest> requests) {
  Batch batch(*this, requests);
  const absl::Status status = pool_->Run(batch.bodies(), batch);
  std::vector<absl::StatusOr<LlmAnswer>> answers = batch.TakeAnswers();
  if (!status.ok()) {
    // libcurl itself failed: nothing that is not answered will be.
    for (auto& answer : answers) {
      if (!answer.ok()) answer = status;
    }
  }
  return answers;
}

std::string OpenAiBackend::Identity() const {
  return IdentityAt(absl::StrCat(" ", options_.url));
}

std::string OpenAiBackend::IdentityAt(const std::string& place) const {
  return absl::StrCat("openai/", kReadoutVersion, place,
                      " model:", options_.chat.model,
                      " max_tokens:", options_.chat.max_tokens,
                      " temperature:", options_.chat.temperature);
}

}  // namespace attune::trainer
