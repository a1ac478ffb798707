// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// The backend `openai` against a real llama.cpp server with real weights, which
// this test starts on a loopback port and stops.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/grown_catalog.h"
#include "policy/policy.h"
#include "tests/testing/require_file.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/llm_prompts.h"
#include "trainer/llm_rewriter.h"
#include "trainer/openai_backend.h"
#include "trainer/rewrite_lint.h"
#if ATTUNE_WITH_LLAMA
#include "trainer/llama_backend.h"
#endif

namespace attune::trainer {
namespace {

using ::attune::testing::IsOk;

constexpr uint64_t kSeed = 20261124;

std::string Python() {
  return std::string(ATTUNE_CACHE_DIR) + "/venv/bin/python";
}

// llama_server.py in a process of its own; serves until this object dies.
class LlamaServer {
 public:
  LlamaServer() {
    int in[2];
    int out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) {
      std::abort();
    }
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], STDIN_FILENO);
      ::dup2(out[1], STDOUT_FILENO);
      const int log = ::open(log_.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
      ::dup2(log, STDERR_FILENO);
      const std::string python = Python();
      const std::string script =
          std::string(ATTUNE_SOURCE_DIR) + "/tests/trainer/llama_server.py";
      const std::string model = ModelPath();
      ::execl(python.c_str(), python.c_str(), script.c_str(), model.c_str(),
              nullptr);
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    stdin_ = in[1];
    stdout_ = out[0];
    port_ = ReadPort();
  }

  ~LlamaServer() {
    ::close(stdin_);
    // It closes its end when it exits; if it does not, it is made to.
    pollfd wait = {.fd = stdout_, .events = POLLIN};
    if (::poll(&wait, 1, 20000) != 1) ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::close(stdout_);
    ::unlink(log_.c_str());
  }

  // 0 if it did not start.
  int port() const { return port_; }
  std::string url() const {
    return absl::StrCat("http://127.0.0.1:", port_, "/v1");
  }
  std::string log() const {
    std::ifstream file(log_);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  int ReadPort() const {
    std::string line;
    while (line.empty() || line.back() != '\n') {
      pollfd wait = {.fd = stdout_, .events = POLLIN};
      char byte;
      if (::poll(&wait, 1, 120000) != 1 || ::read(stdout_, &byte, 1) != 1) {
        return 0;
      }
      line += byte;
    }
    return std::atoi(line.c_str());
  }

  const std::string log_ =
      absl::StrCat(::testing::TempDir(), "/attune_llama_server_", ::getpid());
  pid_t pid_ = -1;
  int stdin_ = -1;
  int stdout_ = -1;
  int port_ = 0;
};

policy::Item Film(const std::string& title) {
  policy::Item item;
  item.id = item.title = title;
  return item;
}

// A decision of the shipped catalog with its default prompt.
policy::Decision Decide(policy::Readout readout, uint64_t seed) {
  std::ifstream file(ATTUNE_SOURCE_DIR "/policy/catalogs/movies.yaml");
  const std::string yaml{std::istreambuf_iterator<char>(file), {}};
  const auto catalog = policy::Catalog::Parse(yaml);
  EXPECT_THAT(catalog, IsOk());
  const policy::Policy policy = policy::Policy::Uniform(*catalog, readout);
  const std::vector<policy::Item> history = {
      Film("Alien (1979)"), Film("Blade Runner (1982)"), Film("Jaws (1975)"),
      Film("Psycho (1960)"), Film("Vertigo (1958)")};
  const std::vector<policy::Item> candidates = {
      Film("Heat (1995)"), Film("Toy Story (1995)"), Film("Fargo (1996)"),
      Film("Rear Window (1954)"), Film("Amadeus (1984)")};
  std::vector<int> options;
  for (const policy::Pattern& pattern : (*catalog)->patterns) {
    options.push_back(pattern.default_option);
  }
  const auto decision = policy.Preview(
      {.history = history, .candidates = candidates, .seed = seed}, options);
  EXPECT_THAT(decision, IsOk());
  return *decision;
}

class LlamaServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ATTUNE_REQUIRE_FILE(ModelPath());
    ATTUNE_REQUIRE_FILE(Python());
    if (server_ == nullptr) server_ = new LlamaServer();
    ASSERT_GT(server_->port(), 0) << server_->log();
    OpenAiOptions options;
    options.url = server_->url();
    options.chat.model = "smollm2";
    options.chat.max_tokens = 64;
    options.http.concurrency = 2;
    options.http.timeout = std::chrono::seconds(120);
    auto backend = OpenAiBackend::Create(options);
    ASSERT_THAT(backend, IsOk());
    backend_ = *std::move(backend);
  }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }

  LlmAnswer AskOne(const policy::Decision& decision) {
    const auto answers = backend_->Answer({{.prompt = &decision.prompt}});
    EXPECT_THAT(answers[0], IsOk()) << server_->log();
    return answers[0].ok() ? *answers[0] : LlmAnswer();
  }

  static LlamaServer* server_;
  std::unique_ptr<OpenAiBackend> backend_;
};

LlamaServer* LlamaServerTest::server_ = nullptr;

void ExpectEachCandidateOnce(const policy::Ranking& ranking, int size) {
  std::vector<int> sorted = ranking.candidates;
  std::sort(sorted.begin(), sorted.end());
  std::vector<int> all(size);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(sorted, all);
}

TEST_F(LlamaServerTest, GeneratesARankingThatCanBeRead) {
  const policy::Decision decision = Decide(policy::Readout::kGenerate, kSeed);
  for (const policy::Message& message : decision.prompt.messages) {
    std::printf("[ %s ] %s\n", message.role, message.Text().c_str());
  }
  const LlmAnswer answer = AskOne(decision);
  std::printf(
      "[ the LLM said ] %s\n[ usage ] %ld + %ld tokens, %.1f s\n",
      answer.text.c_str(), static_cast<long>(answer.usage.prompt_tokens),
      static_cast<long>(answer.usage.answer_tokens), answer.usage.seconds);
  EXPECT_EQ(answer.usage.llm_calls, 1);
  EXPECT_GT(answer.usage.prompt_tokens, 20);
  EXPECT_GT(answer.usage.answer_tokens, 0);
  EXPECT_LE(answer.usage.answer_tokens, 64);
  const auto ranking = Decode(decision.prompt, decision.permutation, answer);
  ASSERT_THAT(ranking, IsOk());
  std::printf("[ parse status ] %d\n", static_cast<int>(ranking->status));
  // Even an LLM this small names candidates.
  EXPECT_NE(ranking->status, policy::ParseStatus::kFailed);
  ExpectEachCandidateOnce(*ranking, 5);
}

TEST_F(LlamaServerTest, RepeatsItselfAtTemperatureZero) {
  EXPECT_FALSE(backend_->Samples());
  const policy::Decision one = Decide(policy::Readout::kGenerate, 1);
  const policy::Decision two = Decide(policy::Readout::kLabels, 2);
  const std::string text = AskOne(one).text;
  const std::vector<float> scores = AskOne(two).displayed_scores;
  EXPECT_EQ(AskOne(one).text, text);
  EXPECT_EQ(AskOne(two).displayed_scores, scores);
}

TEST_F(LlamaServerTest, ReadsLabelsOfDisplayedPositions) {
  const policy::Decision decision = Decide(policy::Readout::kLabels, kSeed);
  const LlmAnswer answer = AskOne(decision);
  ASSERT_EQ(answer.displayed_scores.size(), 5U);
  for (int i = 0; i < 5; ++i) {
    std::printf("[ label %s ] %.3f %s\n", policy::Label(i).c_str(),
                answer.displayed_scores[i],
                decision.prompt.displayed_titles[i].c_str());
    EXPECT_LT(answer.displayed_scores[i], 0.0F);
  }
  EXPECT_EQ(answer.usage.answer_tokens, 1);
  EXPECT_GT(answer.usage.prompt_tokens, 20);
  const auto ranking = Decode(decision.prompt, decision.permutation, answer);
  ASSERT_THAT(ranking, IsOk());
  ExpectEachCandidateOnce(*ranking, 5);
  // The best score's candidate is the one displayed there.
  const auto best = std::max_element(answer.displayed_scores.begin(),
                                     answer.displayed_scores.end());
  EXPECT_EQ(ranking->candidates[0],
            decision.permutation.CandidateAt(
                static_cast<int>(best - answer.displayed_scores.begin())));
}

// So small an LLM writes few good sentences; what it writes is judged, sentence
// by sentence, and what is unreachable is said to be.
TEST_F(LlamaServerTest, RewritesAreJudgedByTheLint) {
  std::ifstream file(ATTUNE_SOURCE_DIR "/policy/catalogs/movies.yaml");
  const std::string yaml{std::istreambuf_iterator<char>(file), {}};
  const auto catalog = policy::Catalog::Parse(yaml);
  ASSERT_THAT(catalog, IsOk());
  const policy::Pattern& role =
      (*catalog)->patterns[(*catalog)->FindPattern("role")];
  LlmRewriter rewriter(*backend_, "smollm2");
  const RewriteRequest request{.pattern = role.name,
                               .sentence = role.options[1].text,
                               .domain = "movies",
                               .failures = {{7, 9, 10}, {2, 6, 10}},
                               .count = 4};
  const auto sentences = rewriter.Rewrite(request);
  ASSERT_THAT(sentences, IsOk()) << server_->log();
  ASSERT_EQ(sentences->size(), 4U);
  for (const std::string& sentence : *sentences) {
    const auto refusal = Lint(sentence, {role, /*parent=*/1, {}});
    std::printf("[ %-9s ] %s\n", refusal ? Name(*refusal) : "passes",
                sentence.c_str());
    EXPECT_FALSE(sentence.empty());
    // Whatever passes is a sentence that a catalog may hold.
    if (refusal.has_value()) continue;
    EXPECT_THAT(policy::GrowCatalog(
                    **catalog,
                    {{.pattern = (*catalog)->FindPattern("role"),
                      .parent = 1,
                      .text = sentence,
                      .lineage = {.model = "smollm2",
                                  .instruction = rewriter.InstructionVersion(),
                                  .revision = "none",
                                  .tasks = 1}}}),
                IsOk());
  }
}

#if ATTUNE_WITH_LLAMA
// Two programs with two builds of llama.cpp read the same prompt the same way:
// a score at a wrong position would show.
TEST_F(LlamaServerTest, AgreesWithTheEmbeddedLlmOnLabels) {
  auto embedded =
      LlamaBackend::Create({.model_path = ModelPath(), .threads = 1});
  ASSERT_THAT(embedded, IsOk());
  for (const uint64_t seed : {3, 4}) {
    const policy::Decision decision = Decide(policy::Readout::kLabels, seed);
    ASSERT_STREQ(decision.prompt.messages[0].role, "system");
    const LlmAnswer served = AskOne(decision);
    const auto own = (*embedded)->Answer({{.prompt = &decision.prompt}});
    ASSERT_THAT(own[0], IsOk());
    for (int i = 0; i < 5; ++i) {
      EXPECT_NEAR(served.displayed_scores[i], own[0]->displayed_scores[i], 0.5)
          << policy::Label(i);
    }
  }
}
#endif

}  // namespace
}  // namespace attune::trainer
