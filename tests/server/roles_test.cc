// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/roles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/metric_family.h>

#include "server/authorizer.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kGetPrompt[] = "/attune.v1.PromptService/GetPrompt";
constexpr char kHealth[] = "/grpc.health.v1.Health/Check";

TEST(ParseRolesTest, ReadsYamlAndJson) {
  const auto yaml = ParseRoles(
      "spiffe://a/b: [client, feedback_writer]\n"
      "ops.example:\n- operator\n- metrics\n");
  ASSERT_THAT(yaml, IsOk());
  EXPECT_EQ(yaml->at("spiffe://a/b"),
            (RoleSet{Role::kClient, Role::kFeedbackWriter}));
  EXPECT_EQ(yaml->at("ops.example"),
            (RoleSet{Role::kOperator, Role::kMetrics}));
  const auto json = ParseRoles(R"({"t": ["trainer"]})");
  ASSERT_THAT(json, IsOk());
  EXPECT_EQ(json->at("t"), RoleSet{Role::kTrainer});
}

TEST(ParseRolesTest, RefusesWhatIsNotClear) {
  const struct {
    const char* text;
    const char* error;
  } cases[] = {
      {"", "names nobody"},
      {"# a comment\n", "names nobody"},
      {"{}", "names nobody"},
      {"- client\n", "line 1: must be a mapping"},
      {"a: [client]\nb: [boss]\n", "line 2: a role must be one of client"},
      {"a: [client]\nb: [Client]\n", "line 2: a role must be one of client"},
      {"a: [[client]]\n", "line 1: a role must be"},
      {"a: [client]\nb: [trainer]\na: [operator]\n",
       "line 3: this name is there twice"},
      {"a: []\n", "line 1: a name must have a list of roles"},
      {"a: client\n", "line 1: a name must have a list of roles"},
      {"a:\n", "line 1: a name must have a list of roles"},
      {"'': [client]\n", "line 1: must be a mapping"},
      {"[a, b]: [client]\n", "line 1: must be a mapping"},
      {"a: [client\nb: ]", "neither YAML nor JSON"},
  };
  for (const auto& [text, error] : cases) {
    EXPECT_THAT(ParseRoles(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(error)))
        << text;
  }
}

class AuthorizerTest : public ::testing::Test {
 protected:
  absl::Status Authorize(const char* path,
                         std::vector<std::string_view> names) {
    return authorizer_.Authorize(path, {true, std::move(names)});
  }

  std::shared_ptr<const Roles> roles_ = std::make_shared<const Roles>(
      Roles{{"backend", {Role::kClient}}, {"ops", {Role::kOperator}}});
  Authorizer authorizer_{[this] { return roles_; }};
};

TEST_F(AuthorizerTest, OneOfSeveralNamesSuffices) {
  EXPECT_THAT(Authorize(kGetPrompt, {"other", "backend"}), IsOk());
  EXPECT_THAT(Authorize(kGetPrompt, {"ops", "backend"}), IsOk());
}

TEST_F(AuthorizerTest, NamesAreComparedWhole) {
  using namespace std::string_view_literals;
  for (const auto name : {"Backend"sv, "backend2"sv, "backen"sv, ""sv,
                          "backend\0"sv, " backend"sv, "*"sv}) {
    EXPECT_THAT(Authorize(kGetPrompt, {name}),
                StatusIs(absl::StatusCode::kPermissionDenied))
        << name;
  }
}

TEST_F(AuthorizerTest, TheErrorSaysWhichRoleIsMissing) {
  EXPECT_THAT(Authorize(kGetPrompt, {"ops"}),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       AllOf(StartsWith("ROLE_MISSING: GetPrompt"),
                             HasSubstr("needs a role of client"),
                             HasSubstr("has operator"))));
  EXPECT_THAT(
      Authorize(kGetPrompt, {}),
      StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("has none")));
}

TEST_F(AuthorizerTest, WithoutACertificateNothingIsAnswered) {
  for (const char* path : {kGetPrompt, kHealth, "/x/Y"}) {
    EXPECT_THAT(authorizer_.Authorize(path, {false, {"backend"}}),
                StatusIs(absl::StatusCode::kUnauthenticated,
                         StartsWith("CERTIFICATE_MISSING: ")))
        << path;
  }
}

TEST_F(AuthorizerTest, WhatIsNotInTheTableIsRefusedToEverybody) {
  for (const char* path :
       {"/attune.v1.PolicyService/NewMethod", "/x.Y/Z", "", "GetPrompt",
        "/attune.v1.PromptService/GetPrompt/", "/attune.v1.PromptService/"}) {
    EXPECT_THAT(Authorize(path, {"backend", "ops"}),
                StatusIs(absl::StatusCode::kPermissionDenied,
                         StartsWith("METHOD_NOT_IN_ROLE_TABLE: ")))
        << path;
  }
}

TEST_F(AuthorizerTest, HealthNeedsNoRole) {
  EXPECT_THAT(Authorize(kHealth, {}), IsOk());
}

TEST_F(AuthorizerTest, NewRolesHoldAtTheNextCall) {
  EXPECT_FALSE(Authorize(kGetPrompt, {"ops"}).ok());
  roles_ = std::make_shared<const Roles>(Roles{{"ops", {Role::kClient}}});
  EXPECT_THAT(Authorize(kGetPrompt, {"ops"}), IsOk());
  EXPECT_FALSE(Authorize(kGetPrompt, {"backend"}).ok());
}

TEST_F(AuthorizerTest, CountsWhatItRefuses) {
  Authorize(kGetPrompt, {"ops"}).IgnoreError();
  Authorize(kGetPrompt, {"ops"}).IgnoreError();
  Authorize(kGetPrompt, {"backend"}).IgnoreError();
  Authorize("/x/Y", {"ops"}).IgnoreError();
  authorizer_.Authorize(kHealth, {}).IgnoreError();
  std::map<std::string, double> counts;
  const auto families = authorizer_.Collect();
  for (const auto& metric : families.at(0).metric) {
    counts[metric.label[1].value + " " + metric.label[0].value] =
        metric.counter.value;
  }
  const std::map<std::string, double> expected = {
      {"GetPrompt PERMISSION_DENIED", 2},
      {"other PERMISSION_DENIED", 1},
      {"Check UNAUTHENTICATED", 1}};
  EXPECT_EQ(counts, expected);
}

}  // namespace
}  // namespace attune::server
