// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/server/temp_dir.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

absl::StatusOr<Invocation> Load(
    const std::vector<std::string>& args,
    const std::map<std::string, std::string>& environment = {}) {
  std::vector<std::string> names;
  for (const auto& [name, value] : environment) names.push_back(name);
  return LoadConfig(
      args,
      [&](const std::string& name) -> std::optional<std::string> {
        const auto found = environment.find(name);
        if (found == environment.end()) return std::nullopt;
        return found->second;
      },
      names);
}

TEST(LoadConfigTest, DefaultsListenOnLoopbackOnly) {
  const auto invocation = Load({});
  ASSERT_THAT(invocation, IsOk());
  const ServerConfig& config = invocation->config;
  for (const std::string& address :
       {config.data_listen, config.control_listen, config.metrics_listen}) {
    EXPECT_THAT(address, ::testing::StartsWith("127.0.0.1:"));
  }
  EXPECT_EQ(config.token_ttl, absl::Hours(24));
  EXPECT_FALSE(invocation->print.has_value());
}

TEST(LoadConfigTest, FlagsBeatEnvironmentBeatsFileBeatsDefaults) {
  const TempDir dir;
  const std::string file = dir.Write("c.yaml",
                                     "data_listen: 127.0.0.1:1\n"
                                     "control_listen: 127.0.0.1:1\n"
                                     "metrics_listen: 127.0.0.1:1\n");
  const auto invocation =
      Load({"--config", file, "--data_listen", "127.0.0.1:3"},
           {{"ATTUNE_DATA_LISTEN", "127.0.0.1:2"},
            {"ATTUNE_CONTROL_LISTEN", "127.0.0.1:2"},
            {"ATTUNE_SERVER", "host:1"},
            {"ATTUNE_PORT_50051_TCP", "tcp://10.0.0.1:50051"},
            {"UNRELATED", "x"}});
  ASSERT_THAT(invocation, IsOk());
  EXPECT_THAT(invocation->unknown_variables,
              UnorderedElementsAre("ATTUNE_SERVER", "ATTUNE_PORT_50051_TCP"));
  EXPECT_EQ(invocation->config.data_listen, "127.0.0.1:3");
  EXPECT_EQ(invocation->config.control_listen, "127.0.0.1:2");
  EXPECT_EQ(invocation->config.metrics_listen, "127.0.0.1:1");
  EXPECT_EQ(invocation->config.revision_dir, ServerConfig().revision_dir);
}

// What OpenTelemetry's own libraries read counts, after ours.
TEST(LoadConfigTest, TheOtlpEndpointMayComeFromOpenTelemetrysVariable) {
  const std::map<std::string, std::string> otel = {
      {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:4318"}};
  EXPECT_EQ(Load({})->config.otlp_endpoint, "");
  EXPECT_EQ(Load({}, otel)->config.otlp_endpoint, "http://otel:4318");
  EXPECT_EQ(Load({"--otlp_endpoint", ""}, otel)->config.otlp_endpoint, "");
  auto both = otel;
  both["ATTUNE_OTLP_ENDPOINT"] = "http://ours:4318";
  EXPECT_EQ(Load({}, both)->config.otlp_endpoint, "http://ours:4318");
}

TEST(LoadConfigTest, TheTraceRatioIsAShare) {
  EXPECT_EQ(Load({"--trace_ratio", "0.25"})->config.trace_ratio, 0.25);
  for (const char* bad : {"-0.1", "1.1", "nan", "half"}) {
    EXPECT_THAT(Load({"--trace_ratio", bad}).status(),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("trace_ratio (--trace_ratio)")));
  }
}

TEST(LoadConfigTest, ReadsJsonAndEveryType) {
  const TempDir dir;
  const std::string file =
      dir.Write("c.json",
                R"({"token_ttl": "90m", "max_revisions": 7, "readout": "labels",
          "log_level": "error"})");
  const auto invocation = Load({}, {{"ATTUNE_CONFIG", file}});
  ASSERT_THAT(invocation, IsOk());
  EXPECT_EQ(invocation->config.token_ttl, absl::Minutes(90));
  EXPECT_EQ(invocation->config.max_revisions, 7);
  EXPECT_EQ(invocation->config.readout, policy::Readout::kLabels);
  EXPECT_EQ(invocation->config.log_level, LogLevel::kError);
}

TEST(LoadConfigTest, RefusesUnknownFlagsAndKeys) {
  const TempDir dir;
  const std::string file = dir.Write("c.yaml", "log_level: info\nnope: 1\n");
  const auto code = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(Load({"--nope", "1"}), StatusIs(code, HasSubstr("nope")));
  EXPECT_THAT(Load({"--config", file}),
              StatusIs(code, AllOf(HasSubstr("c.yaml:2"), HasSubstr("nope"))));
}

TEST(LoadConfigTest, RefusesBadValuesWithoutEchoingThem) {
  const auto code = absl::StatusCode::kInvalidArgument;
  for (const char* flag : {"--token_ttl", "--max_revisions", "--readout",
                           "--log_level", "--max_revision_bytes"}) {
    EXPECT_THAT(Load({flag, "secret"}),
                StatusIs(code, AllOf(HasSubstr(std::string(flag + 2)),
                                     Not(HasSubstr("secret")))));
  }
  EXPECT_THAT(Load({"--max_revisions", "0"}), StatusIs(code));
  EXPECT_THAT(Load({"--token_ttl", "-1s"}), StatusIs(code));
}

TEST(LoadConfigTest, RefusesAFileThatIsNoneOrNoMapping) {
  const TempDir dir;
  EXPECT_THAT(Load({"--config", dir.path() + "/none"}),
              StatusIs(absl::StatusCode::kNotFound));
  for (const char* text : {"- a\n", "a: [1\n", "log_level: {a: b}\n"}) {
    EXPECT_THAT(
        Load({"--config", dir.Write("bad.yaml", text)}),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("bad.yaml")))
        << text;
  }
}

TEST(LoadConfigTest, PrintsWhatItIsAskedFor) {
  const auto help = Load({"--help"});
  ASSERT_THAT(help, IsOk());
  EXPECT_THAT(help->print.value(),
              AllOf(HasSubstr("Examples:"), HasSubstr("--token_key_file")));
  EXPECT_THAT(Load({"--version"})->print.value(), HasSubstr("attune_server"));
  const auto printed = Load({"--print_config", "--max_revisions", "9"});
  EXPECT_THAT(printed->print.value(), HasSubstr("max_revisions: 9\n"));
}

TEST(LoadConfigTest, PrintsNoPassword) {
  const auto printed =
      Load({"--print_config", "--redis_url", "redis://ann:secret@host:1/2"});
  EXPECT_THAT(printed->print.value(),
              AllOf(HasSubstr("redis://host:1/2\n"), Not(HasSubstr("secret"))));
  EXPECT_EQ(printed->config.redis_url, "redis://ann:secret@host:1/2");
}

TEST(LoadConfigTest, WhatIsPrintedCanBeReadBack) {
  const TempDir dir;
  const std::string text =
      Load({"--print_config", "--token_ttl", "90s"})->print.value();
  const auto again =
      Load({"--print_config", "--config", dir.Write("c.yaml", text)});
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->print.value(), text);
}

}  // namespace
}  // namespace attune::server
