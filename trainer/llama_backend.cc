// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/llama_backend.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <optional>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "policy/random.h"
#include "policy/ranking.h"
#include "policy/status_macros.h"
#include "trainer/log_softmax.h"
#include "trainer/work_ranges.h"

namespace attune::trainer {
namespace {

// Goes up when the same model would give other scores.
constexpr int kReadoutVersion = 3;
constexpr int kMaxThreads = 256;
constexpr int kPriorContext = 512;
// Titles that fill a batch of ScoreApart(), about.
constexpr size_t kPriorsTogether = 20;

absl::Status Validate(const LlamaBackendOptions& options) {
  if (options.threads < 0 || options.threads > kMaxThreads) {
    return absl::InvalidArgumentError(
        absl::StrCat("threads: must be between 0 and ", kMaxThreads));
  }
  if (options.max_tokens < 1 || options.max_tokens >= options.context) {
    return absl::InvalidArgumentError(
        "max_tokens: must be at least 1 and less than the context");
  }
  if (!(options.temperature >= 0.0 && options.temperature <= 10.0)) {
    return absl::InvalidArgumentError("temperature: must be in [0, 10]");
  }
  return absl::OkStatus();
}

// The file to load: the model itself, or its copy.
absl::StatusOr<std::string> FileToLoad(const LlamaBackendOptions& options,
                                       const std::string& sha256) {
  if (options.requantize_dir.empty()) return options.model_path;
  const std::filesystem::path dir = options.requantize_dir;
  const WeightFormat format = FastestWeightFormat();
  const std::filesystem::path copy =
      dir / absl::StrCat(sha256.substr(0, 16), ".", WeightFormatName(format),
                         ".gguf");
  std::error_code error;
  if (std::filesystem::exists(copy, error)) return copy.string();
  std::filesystem::create_directories(dir, error);
  ATTUNE_RETURN_IF_ERROR(
      ConvertWeights(options.model_path, copy.string(), format));
  return copy.string();
}

int32_t Greedy(absl::Span<const float> logits) {
  return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) -
                              logits.begin());
}

int32_t Sample(absl::Span<const float> logits, double temperature,
               policy::Rng& rng) {
  const double max = *std::max_element(logits.begin(), logits.end());
  std::vector<double> cumulative(logits.size());
  double sum = 0.0;
  for (size_t i = 0; i < logits.size(); ++i) {
    sum += std::exp((logits[i] - max) / temperature);
    cumulative[i] = sum;
  }
  const auto at = std::upper_bound(cumulative.begin(), cumulative.end(),
                                   rng.UnitDouble() * sum);
  return static_cast<int32_t>(std::min<ptrdiff_t>(
      at - cumulative.begin(), static_cast<ptrdiff_t>(logits.size()) - 1));
}

}  // namespace

absl::StatusOr<std::unique_ptr<LlamaBackend>> LlamaBackend::Create(
    LlamaBackendOptions options) {
  ATTUNE_RETURN_IF_ERROR(Validate(options));
  ATTUNE_ASSIGN_OR_RETURN(std::string sha256, Sha256OfFile(options.model_path));
  ATTUNE_ASSIGN_OR_RETURN(const std::string path, FileToLoad(options, sha256));
  ATTUNE_ASSIGN_OR_RETURN(std::unique_ptr<LlamaModel> model,
                          LlamaModel::Load(path));
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  const int threads =
      options.threads > 0 ? options.threads : std::max(1, cores);
  std::unique_ptr<LlamaBackend> backend(new LlamaBackend(
      std::move(options), std::move(sha256), std::move(model)));
  const LlamaModel& loaded = *backend->model_;
  for (int i = 0; i < threads; ++i) {
    Worker worker;
    ATTUNE_ASSIGN_OR_RETURN(
        worker.prompts,
        LlamaSession::Create(loaded, backend->options_.context, 1));
    ATTUNE_ASSIGN_OR_RETURN(
        worker.priors,
        LlamaSession::Create(
            loaded, std::min(kPriorContext, loaded.trained_context()), 1));
    backend->workers_.push_back(std::move(worker));
  }
  return backend;
}

LlamaBackend::LlamaBackend(LlamaBackendOptions options,
                           std::string model_sha256,
                           std::unique_ptr<LlamaModel> model)
    : options_(std::move(options)),
      model_sha256_(std::move(model_sha256)),
      model_(std::move(model)) {}

std::string LlamaBackend::Identity() const {
  return absl::StrCat(
      "llama/", kReadoutVersion, " ",
      std::filesystem::path(options_.model_path).filename().string(),
      " sha256:", model_sha256_,
      options_.requantize_dir.empty()
          ? ""
          : absl::StrCat(" requantized:",
                         WeightFormatName(FastestWeightFormat())),
      " max_tokens:", options_.max_tokens,
      " temperature:", options_.temperature);
}

int64_t LlamaBackend::evaluated_tokens() const {
  int64_t sum = 0;
  for (const Worker& w : workers_) {
    sum += w.prompts->evaluated_tokens() + w.priors->evaluated_tokens();
  }
  return sum;
}

int64_t LlamaBackend::reused_tokens() const {
  int64_t sum = 0;
  for (const Worker& w : workers_) sum += w.prompts->reused_tokens();
  return sum;
}

std::vector<absl::StatusOr<LlmAnswer>> LlamaBackend::Answer(
    absl::Span<const LlmRequest> requests) {
  std::vector<absl::StatusOr<LlmAnswer>> answers(
      requests.size(), absl::InternalError("not answered"));
  std::vector<absl::StatusOr<TokenizedPrompt>> prompts;
  for (const LlmRequest& request : requests) {
    prompts.push_back(model_->TokenizePrompt(*request.prompt));
  }
  // Prompts that begin alike follow each other.
  std::vector<size_t> order(requests.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (!prompts[a].ok() || !prompts[b].ok()) {
      return prompts[a].ok() && !prompts[b].ok();
    }
    return prompts[a]->prefix < prompts[b]->prefix;
  });
  const std::vector<PriorBatch> priors = MissingPriors(requests);
  ForEachJob(priors.size(), [&](Worker& worker, size_t job) {
    ScorePriors(worker, priors[job]);
  });
  ForEachJob(order.size(), [&](Worker& worker, size_t job) {
    const size_t at = order[job];
    answers[at] = prompts[at].ok()
                      ? AnswerOne(worker, requests[at], *prompts[at])
                      : prompts[at].status();
  });
  return answers;
}

void LlamaBackend::ForEachJob(
    size_t jobs, absl::FunctionRef<void(Worker& worker, size_t job)> work) {
  const size_t workers = std::min(workers_.size(), jobs);
  WorkRanges ranges(jobs, workers);
  const auto run = [&](size_t w) {
    while (const std::optional<size_t> job = ranges.Next(w)) {
      work(workers_[w], *job);
    }
  };
  std::vector<std::thread> threads;
  for (size_t w = 1; w < workers; ++w) threads.emplace_back(run, w);
  if (workers > 0) run(0);
  for (std::thread& thread : threads) thread.join();
}

absl::StatusOr<LlmAnswer> LlamaBackend::AnswerOne(
    Worker& worker, const LlmRequest& request, const TokenizedPrompt& prompt) {
  const auto start = std::chrono::steady_clock::now();
  if (request.trace != nullptr) request.trace->Begin();
  const int64_t reused = worker.prompts->reused_tokens();
  absl::StatusOr<LlmAnswer> answer = absl::InvalidArgumentError(
      "readout: must be generate, labels or likelihood");
  switch (request.prompt->readout) {
    case policy::Readout::kLikelihood:
      answer = ScoreTitles(worker, *request.prompt, prompt);
      break;
    case policy::Readout::kLabels:
      answer = ScoreLabels(worker, *request.prompt, prompt);
      break;
    case policy::Readout::kGenerate:
      answer = Complete(worker, request.seed, prompt);
      break;
  }
  if (request.trace != nullptr) request.trace->End();
  if (!answer.ok()) return answer;
  answer->usage.llm_calls = 1;
  answer->usage.prompt_tokens = static_cast<int64_t>(prompt.prefix.size());
  answer->usage.reused_tokens = worker.prompts->reused_tokens() - reused;
  answer->usage.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  return answer;
}

absl::StatusOr<LlmAnswer> LlamaBackend::ScoreTitles(
    Worker& worker, const policy::RenderedPrompt& rendered,
    const TokenizedPrompt& prompt) {
  std::vector<LlamaTokens> titles;
  LlmAnswer answer;
  for (const std::string& title : rendered.displayed_titles) {
    titles.push_back(model_->Tokenize(prompt.blanks + title));
    answer.usage.answer_tokens += static_cast<int64_t>(titles.back().size());
  }
  ATTUNE_ASSIGN_OR_RETURN(std::vector<double> scores,
                          worker.prompts->Score(prompt.prefix, titles));
  ATTUNE_RETURN_IF_ERROR(SubtractPriors(rendered, absl::MakeSpan(scores)));
  answer.displayed_scores.assign(scores.begin(), scores.end());
  return answer;
}

std::vector<LlamaBackend::PriorBatch> LlamaBackend::MissingPriors(
    absl::Span<const LlmRequest> requests) const {
  std::set<std::pair<std::string, std::string>> missing;
  for (const LlmRequest& request : requests) {
    const policy::RenderedPrompt& prompt = *request.prompt;
    if (prompt.prior_prefix.empty()) continue;
    for (const std::string& title : prompt.displayed_titles) {
      std::pair<std::string, std::string> prior(prompt.prior_prefix, title);
      if (!priors_.contains(prior)) missing.insert(std::move(prior));
    }
  }
  std::vector<PriorBatch> batches;
  for (const auto& [prefix, title] : missing) {
    if (batches.empty() || batches.back().prefix != prefix ||
        batches.back().titles.size() >= kPriorsTogether) {
      batches.push_back({.prefix = prefix});
    }
    batches.back().titles.push_back(title);
  }
  return batches;
}

void LlamaBackend::ScorePriors(Worker& worker, const PriorBatch& batch) {
  const TokenizedPrompt prefix = model_->TokenizePlain(batch.prefix);
  std::vector<LlamaTokens> tokens;
  for (const std::string& title : batch.titles) {
    tokens.push_back(model_->Tokenize(prefix.blanks + title));
  }
  const auto score = [&](absl::Span<const LlamaTokens> some) {
    return worker.priors->ScoreApart(prefix.prefix, some);
  };
  const absl::StatusOr<std::vector<double>> found = score(tokens);
  for (size_t i = 0; i < tokens.size(); ++i) {
    // One that has no prior leaves the others theirs.
    absl::StatusOr<double> prior = 0.0;
    if (found.ok()) {
      prior = (*found)[i];
    } else if (const auto alone = score({&tokens[i], 1}); alone.ok()) {
      prior = alone->front();
    } else {
      prior = alone.status();
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    priors_.emplace(std::make_pair(batch.prefix, batch.titles[i]), prior);
  }
}

absl::Status LlamaBackend::SubtractPriors(
    const policy::RenderedPrompt& rendered, absl::Span<double> scores) const {
  if (rendered.prior_prefix.empty()) return absl::OkStatus();
  for (size_t i = 0; i < scores.size(); ++i) {
    ATTUNE_ASSIGN_OR_RETURN(
        const double prior,
        priors_.at({rendered.prior_prefix, rendered.displayed_titles[i]}));
    scores[i] -= prior;
  }
  return absl::OkStatus();
}

absl::StatusOr<LlmAnswer> LlamaBackend::ScoreLabels(
    Worker& worker, const policy::RenderedPrompt& rendered,
    const TokenizedPrompt& prompt) {
  ATTUNE_ASSIGN_OR_RETURN(const absl::Span<const float> logits,
                          worker.prompts->Prefill(prompt.prefix));
  const double normalizer = LogSumExp(logits);
  LlmAnswer answer;
  const int count = static_cast<int>(rendered.displayed_titles.size());
  for (int i = 0; i < count; ++i) {
    const std::string label = policy::Label(i);
    const LlamaTokens bare = model_->Tokenize(label);
    const LlamaTokens spaced = model_->Tokenize(" " + label);
    if (bare.size() != 1) {
      return absl::UnimplementedError(
          "readout: the model has no single token for a label");
    }
    double score = logits[bare[0]] - normalizer;
    if (spaced.size() == 1 && spaced[0] != bare[0]) {
      score = LogAddExp(score, logits[spaced[0]] - normalizer);
    }
    answer.displayed_scores.push_back(static_cast<float>(score));
  }
  answer.usage.answer_tokens = 1;
  return answer;
}

absl::StatusOr<LlmAnswer> LlamaBackend::Complete(
    Worker& worker, uint64_t seed, const TokenizedPrompt& prompt) {
  policy::Rng rng(seed);
  ATTUNE_ASSIGN_OR_RETURN(
      const LlamaTokens tokens,
      worker.prompts->Generate(prompt.prefix, options_.max_tokens,
                               [&](absl::Span<const float> logits) {
                                 return options_.temperature > 0.0
                                            ? Sample(logits,
                                                     options_.temperature, rng)
                                            : Greedy(logits);
                               }));
  LlmAnswer answer;
  answer.usage.answer_tokens = static_cast<int64_t>(tokens.size());
  for (const int32_t token : tokens) answer.text += model_->Piece(token);
  return answer;
}

}  // namespace attune::trainer
