// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_TESTING_STATUS_MATCHERS_H_
#define ATTUNE_TESTS_TESTING_STATUS_MATCHERS_H_

// Matchers for absl::Status and absl::StatusOr; Abseil 20220623 has none.
//
//   EXPECT_THAT(policy.Decide(request), IsOk());
//   EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound, HasSubstr("x")));

#include <ostream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace attune::testing {

inline const absl::Status& GetStatus(const absl::Status& status) {
  return status;
}
template <typename T>
const absl::Status& GetStatus(const absl::StatusOr<T>& status_or) {
  return status_or.status();
}

// The message as a std::string: absl::string_view is not std::string_view here.
inline std::string MessageOf(const absl::Status& status) {
  return std::string(status.message());
}

class IsOkMatcher {
 public:
  using is_gtest_matcher = void;

  template <typename StatusLike>
  bool MatchAndExplain(const StatusLike& value,
                       ::testing::MatchResultListener* listener) const {
    *listener << "is " << GetStatus(value).ToString();
    return GetStatus(value).ok();
  }
  void DescribeTo(std::ostream* out) const { *out << "is OK"; }
  void DescribeNegationTo(std::ostream* out) const { *out << "is not OK"; }
};

inline IsOkMatcher IsOk() { return {}; }

class StatusIsMatcher {
 public:
  using is_gtest_matcher = void;

  StatusIsMatcher(absl::StatusCode code,
                  ::testing::Matcher<const std::string&> message)
      : code_(code), message_(std::move(message)) {}

  template <typename StatusLike>
  bool MatchAndExplain(const StatusLike& value,
                       ::testing::MatchResultListener* listener) const {
    const absl::Status& status = GetStatus(value);
    *listener << "is " << status.ToString();
    return status.code() == code_ && message_.Matches(MessageOf(status));
  }
  void DescribeTo(std::ostream* out) const {
    *out << "has code " << absl::StatusCodeToString(code_) << " and a message"
         << " that ";
    message_.DescribeTo(out);
  }
  void DescribeNegationTo(std::ostream* out) const {
    *out << "not (";
    DescribeTo(out);
    *out << ")";
  }

 private:
  absl::StatusCode code_;
  ::testing::Matcher<const std::string&> message_;
};

inline StatusIsMatcher StatusIs(absl::StatusCode code) {
  return {code, ::testing::A<const std::string&>()};
}
template <typename MessageMatcher>
StatusIsMatcher StatusIs(absl::StatusCode code, MessageMatcher message) {
  return {code,
          ::testing::SafeMatcherCast<const std::string&>(std::move(message))};
}

}  // namespace attune::testing

#endif  // ATTUNE_TESTS_TESTING_STATUS_MATCHERS_H_
