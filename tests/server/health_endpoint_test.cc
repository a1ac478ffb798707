// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/health_endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/server/http_get.h"
#include "tests/server/server_fixture.h"
#include "tests/server/tls_fixture.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::StatusIs;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

ServerConfig WithHealth() {
  ServerConfig config;
  config.health_listen = "127.0.0.1:0";
  return config;
}

auto IsServing() {
  return AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("\r\n\r\nSERVING\n"));
}

TEST(HealthEndpointTest, ServerIsReadyUntilItDrains) {
  TestServer server;
  server.Restart(WithHealth());
  const int port = server.server().ports().health;
  EXPECT_THAT(HttpGet(port, "/readyz"), IsServing());
  server.server().Shutdown();
  EXPECT_THAT(
      HttpGet(port, "/readyz"),
      AllOf(StartsWith("HTTP/1.1 503 "), EndsWith("\r\n\r\nNOT_SERVING\n")));
}

TEST(HealthEndpointTest, AsksForNoCertificateWhereTheListenersDo) {
  TlsServer server("spiffe://shop/backend: [client]\n");
  server.Start(WithHealth());
  EXPECT_THAT(HttpGet(server.ports().health, "/readyz"), IsServing());
}

TEST(HealthEndpointTest, TellsNothingElse) {
  TestServer server;
  server.Restart(WithHealth());
  const int port = server.server().ports().health;
  for (const char* path : {"/", "/metrics", "/readyz/", "/api/state"}) {
    EXPECT_THAT(HttpGet(port, path), StartsWith("HTTP/1.1 404 ")) << path;
  }
  EXPECT_THAT(
      HttpExchange(port,
                   "POST /readyz HTTP/1.1\r\nHost: localhost\r\n"
                   "Content-Length: 0\r\n\r\n"),
      AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD")));
}

TEST(HealthEndpointTest, IsThereOnlyIfAskedFor) {
  TestServer server;
  EXPECT_EQ(server.server().ports().health, 0);
}

TEST(HealthEndpointTest, NamesTheSettingWhenItCannotListen) {
  EXPECT_THAT(
      StartHealthEndpoint("nowhere", [] { return true; }).status(),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("health_listen")));
}

}  // namespace
}  // namespace attune::server
