// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "tracing/http_post.h"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "policy/status_macros.h"

namespace attune::tracing {
namespace {

constexpr size_t kMaxBody = 64 << 10;
constexpr absl::Duration kLongestPoll = absl::Milliseconds(500);

size_t OnBody(char* data, size_t, size_t size, void* user) {
  std::string& body = *static_cast<std::string*>(user);
  body.append(data, std::min(size, kMaxBody - body.size()));
  return size;
}

absl::Status CheckUrl(absl::string_view url) {
  if (!absl::StartsWith(url, "http://") && !absl::StartsWith(url, "https://")) {
    return absl::InvalidArgumentError("must begin with http:// or https://");
  }
  const absl::string_view rest = url.substr(url.find("://") + 3);
  const absl::string_view authority = rest.substr(0, rest.find('/'));
  if (authority.empty() || absl::StrContains(authority, '@')) {
    return absl::InvalidArgumentError(
        "must name a host, without a user or password");
  }
  return absl::OkStatus();
}

bool IsHeader(absl::string_view line) {
  const size_t colon = line.find(':');
  if (colon == absl::string_view::npos || colon == 0) return false;
  const absl::string_view name = line.substr(0, colon);
  return std::all_of(name.begin(), name.end(),
                     [](unsigned char c) {
                       return absl::ascii_isalnum(c) || c == '-' || c == '_';
                     }) &&
         std::all_of(line.begin(), line.end(),
                     [](unsigned char c) { return absl::ascii_isprint(c); });
}

}  // namespace

struct HttpPost::Impl {
  CURLM* multi = nullptr;
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  // Nanoseconds since the epoch.
  std::atomic<int64_t> hurry = std::numeric_limits<int64_t>::max();

  ~Impl() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
  }

  void Prepare(const std::string& url, const std::vector<std::string>& lines);
  // Until the call is over or has had its time.
  CURLcode Perform(absl::Time deadline);
};

void HttpPost::Impl::Prepare(const std::string& url,
                             const std::vector<std::string>& lines) {
  headers = curl_slist_append(headers, "Content-Type: application/json");
  headers = curl_slist_append(headers, "Expect:");
  for (const std::string& line : lines) {
    headers = curl_slist_append(headers, line.c_str());
  }
  const auto set = [this](CURLoption option, auto value) {
    curl_easy_setopt(easy, option, value);
  };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTPHEADER, headers);
  set(CURLOPT_POST, 1L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
  // A name that cannot be resolved keeps nobody from stopping.
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_WRITEFUNCTION, &OnBody);
}

CURLcode HttpPost::Impl::Perform(absl::Time deadline) {
  while (true) {
    int running = 0;
    if (curl_multi_perform(multi, &running) != CURLM_OK) {
      return CURLE_FAILED_INIT;
    }
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg == CURLMSG_DONE) return message->data.result;
    }
    const absl::Duration time =
        std::min(deadline, absl::FromUnixNanos(hurry)) - absl::Now();
    if (time <= absl::ZeroDuration()) return CURLE_OPERATION_TIMEDOUT;
    curl_multi_poll(multi, nullptr, 0,
                    static_cast<int>(absl::ToInt64Milliseconds(
                        std::min(time, kLongestPoll) + absl::Milliseconds(1))),
                    nullptr);
  }
}

absl::StatusOr<std::unique_ptr<HttpPost>> HttpPost::Create(
    std::string_view base, std::string_view path,
    const std::vector<std::string>& headers) {
  const absl::string_view host(base.data(), base.size());
  ATTUNE_RETURN_IF_ERROR(CheckUrl(host));
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  auto impl = std::make_unique<Impl>();
  impl->multi = curl_multi_init();
  impl->easy = curl_easy_init();
  if (impl->multi == nullptr || impl->easy == nullptr) {
    return absl::InternalError("libcurl: no memory");
  }
  impl->Prepare(absl::StrCat(absl::StripSuffix(host, "/"), std::string(path)),
                headers);
  return std::unique_ptr<HttpPost>(new HttpPost(std::move(impl)));
}

HttpPost::HttpPost(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpPost::~HttpPost() = default;

HttpAnswer HttpPost::Post(const std::string& body, absl::Duration timeout) {
  HttpAnswer answer;
  CURL* const easy = impl_->easy;
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.c_str());
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer.body);
  if (curl_multi_add_handle(impl_->multi, easy) != CURLM_OK) {
    answer.transport = absl::UnavailableError("libcurl: cannot add a call");
    return answer;
  }
  const CURLcode code = impl_->Perform(absl::Now() + timeout);
  curl_multi_remove_handle(impl_->multi, easy);
  if (code == CURLE_OPERATION_TIMEDOUT) {
    answer.transport = absl::DeadlineExceededError("timed out");
  } else if (code != CURLE_OK) {
    answer.transport = absl::UnavailableError(curl_easy_strerror(code));
  }
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer.http_status);
  curl_off_t seconds = 0;
  curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds);
  if (seconds > 0) answer.retry_after = absl::Seconds(seconds);
  return answer;
}

void HttpPost::HurryUntil(absl::Time deadline) {
  impl_->hurry = absl::ToUnixNanos(deadline);
  curl_multi_wakeup(impl_->multi);
}

absl::StatusOr<std::vector<std::string>> ParseHeaders(std::string_view text) {
  std::vector<std::string> headers;
  int number = 0;
  for (absl::string_view line :
       absl::StrSplit(absl::string_view(text.data(), text.size()), '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty()) continue;
    if (!IsHeader(line)) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, ": must be \"Name: value\""));
    }
    headers.emplace_back(line);
  }
  return headers;
}

}  // namespace attune::tracing
