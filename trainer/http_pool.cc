// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/http_pool.h"

#include <curl/curl.h>

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "policy/status_macros.h"
#include "trainer/retry_policy.h"

namespace attune::trainer {
namespace {

using Clock = std::chrono::steady_clock;

// One call under way.
struct Call {
  size_t index = 0;
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  HttpReply reply;
  size_t max_body = 0;
  bool too_long = false;

  void AddHeader(const std::string& line) {
    headers = curl_slist_append(headers, line.c_str());
  }

  ~Call() {
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
  }
};

size_t OnBody(char* data, size_t, size_t size, void* user) {
  Call& call = *static_cast<Call*>(user);
  if (call.reply.body.size() + size > call.max_body) {
    call.too_long = true;
    return 0;  // ends the transfer
  }
  call.reply.body.append(data, size);
  return size;
}

size_t OnHeader(char* data, size_t, size_t size, void* user) {
  constexpr absl::string_view kName = "retry-after:";
  const absl::string_view line(data, size);
  if (absl::StartsWithIgnoreCase(line, kName)) {
    const absl::string_view value = line.substr(kName.size());
    static_cast<Call*>(user)->reply.retry_after =
        ParseRetryAfter(std::string_view(value.data(), value.size()));
  }
  return size;
}

// No proxy reaches this machine's own loopback.
bool IsLoopback(absl::string_view url) {
  const absl::string_view host = url.substr(url.find("://") + 3);
  return absl::StartsWith(host, "127.") || absl::StartsWith(host, "[::1]") ||
         absl::StartsWith(host, "localhost:") ||
         absl::StartsWith(host, "localhost/");
}

absl::Status TransportStatus(CURLcode code, bool too_long, size_t max_body) {
  if (too_long) {
    return absl::DataLossError(absl::StrCat(
        "LLM endpoint's answer: is longer than ", max_body, " bytes"));
  }
  switch (code) {
    case CURLE_OK:
      return absl::OkStatus();
    case CURLE_OPERATION_TIMEDOUT:
      return absl::DeadlineExceededError("LLM endpoint: timed out");
    case CURLE_PARTIAL_FILE:
    case CURLE_BAD_CONTENT_ENCODING:
      return absl::DataLossError("LLM endpoint's answer: ends early");
    default:
      return absl::UnavailableError(
          absl::StrCat("LLM endpoint: ", curl_easy_strerror(code)));
  }
}

}  // namespace

struct HttpPool::Impl {
  HttpOptions options;
  CURLM* multi = nullptr;
  std::map<CURL*, std::unique_ptr<Call>> calls;
  std::deque<size_t> ready;
  std::multimap<Clock::time_point, size_t> waiting;

  ~Impl() {
    Drop();
    curl_multi_cleanup(multi);
  }

  absl::Status Start(size_t index, const std::string& body,
                     const std::string& header);
  // Starts what may start.
  absl::Status Fill(const std::vector<std::string>& bodies, Delegate& delegate);
  void Reap(Delegate& delegate);
  // How long poll may sleep.
  int PollMilliseconds() const;
  absl::Status Loop(const std::vector<std::string>& bodies, Delegate& delegate);
  // Forgets what is under way.
  void Drop();
};

absl::StatusOr<std::unique_ptr<HttpPool>> HttpPool::Create(
    HttpOptions options) {
  if (!absl::StartsWith(options.url, "http://") &&
      !absl::StartsWith(options.url, "https://")) {
    return absl::InvalidArgumentError(
        "URL: must begin with http:// or https://");
  }
  if (options.concurrency < 1 || options.concurrency > 1024) {
    return absl::InvalidArgumentError(
        "concurrency: must be between 1 and 1024");
  }
  if (options.timeout.count() < 1 || options.connect_timeout.count() < 1) {
    return absl::InvalidArgumentError("timeout: must be at least 1 ms");
  }
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  auto impl = std::make_unique<Impl>();
  impl->multi = curl_multi_init();
  if (impl->multi == nullptr) return absl::InternalError("libcurl: no memory");
  curl_multi_setopt(impl->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                    static_cast<long>(options.concurrency));
  impl->options = std::move(options);
  return std::unique_ptr<HttpPool>(new HttpPool(std::move(impl)));
}

HttpPool::HttpPool(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpPool::~HttpPool() = default;

absl::Status HttpPool::Impl::Start(size_t index, const std::string& body,
                                   const std::string& header) {
  auto call = std::make_unique<Call>();
  call->index = index;
  call->max_body = options.max_body;
  call->easy = curl_easy_init();
  if (call->easy == nullptr) return absl::InternalError("libcurl: no memory");
  call->AddHeader("Content-Type: application/json");
  call->AddHeader("Expect:");
  if (!options.authorization.empty()) {
    call->AddHeader("Authorization: " + options.authorization);
  }
  if (!header.empty()) call->AddHeader(header);
  const auto set = [easy = call->easy](CURLoption option, auto value) {
    curl_easy_setopt(easy, option, value);
  };
  set(CURLOPT_URL, options.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTPHEADER, call->headers);
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  set(CURLOPT_POSTFIELDS, body.c_str());
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NOSIGNAL, 1L);
  if (IsLoopback(options.url)) set(CURLOPT_NOPROXY, "*");
  set(CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(options.connect_timeout.count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
  set(CURLOPT_WRITEFUNCTION, &OnBody);
  set(CURLOPT_WRITEDATA, call.get());
  set(CURLOPT_HEADERFUNCTION, &OnHeader);
  set(CURLOPT_HEADERDATA, call.get());
  if (curl_multi_add_handle(multi, call->easy) != CURLM_OK) {
    return absl::InternalError("libcurl: cannot add a call");
  }
  CURL* const easy = call->easy;
  calls.emplace(easy, std::move(call));
  return absl::OkStatus();
}

absl::Status HttpPool::Impl::Fill(const std::vector<std::string>& bodies,
                                  Delegate& delegate) {
  const Clock::time_point now = Clock::now();
  while (!waiting.empty() && waiting.begin()->first <= now) {
    ready.push_back(waiting.begin()->second);
    waiting.erase(waiting.begin());
  }
  while (!ready.empty() &&
         static_cast<int>(calls.size()) < options.concurrency) {
    const size_t index = ready.front();
    const auto admission =
        delegate.Admit(index, static_cast<int>(calls.size()));
    if (admission == Delegate::Admission::kLater && !calls.empty()) break;
    ready.pop_front();
    if (admission != Delegate::Admission::kStart) continue;
    ATTUNE_RETURN_IF_ERROR(Start(index, bodies[index], delegate.Header(index)));
  }
  return absl::OkStatus();
}

void HttpPool::Impl::Reap(Delegate& delegate) {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    const auto it = calls.find(message->easy_handle);
    const std::unique_ptr<Call> call = std::move(it->second);
    calls.erase(it);
    curl_multi_remove_handle(multi, call->easy);
    HttpReply& reply = call->reply;
    reply.transport = TransportStatus(code, call->too_long, options.max_body);
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &reply.http_status);
    curl_easy_getinfo(call->easy, CURLINFO_TOTAL_TIME, &reply.seconds);
    const auto wait = delegate.Finish(call->index, std::move(reply));
    if (wait.has_value()) waiting.emplace(Clock::now() + *wait, call->index);
  }
}

int HttpPool::Impl::PollMilliseconds() const {
  constexpr int64_t kLongest = 1000;
  if (waiting.empty()) return kLongest;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(
      waiting.begin()->first - Clock::now());
  return static_cast<int>(std::clamp<int64_t>(wait.count(), 0, kLongest));
}

absl::Status HttpPool::Impl::Loop(const std::vector<std::string>& bodies,
                                  Delegate& delegate) {
  while (true) {
    ATTUNE_RETURN_IF_ERROR(Fill(bodies, delegate));
    if (calls.empty() && waiting.empty() && ready.empty()) {
      return absl::OkStatus();
    }
    int running = 0;
    if (curl_multi_perform(multi, &running) != CURLM_OK) {
      return absl::InternalError("libcurl: a transfer failed");
    }
    const size_t before = calls.size();
    Reap(delegate);
    if (calls.size() != before) continue;
    curl_multi_poll(multi, nullptr, 0, PollMilliseconds(), nullptr);
  }
}

void HttpPool::Impl::Drop() {
  for (auto& [easy, call] : calls) curl_multi_remove_handle(multi, easy);
  calls.clear();
  ready.clear();
  waiting.clear();
}

absl::Status HttpPool::Run(const std::vector<std::string>& bodies,
                           Delegate& delegate) {
  for (size_t i = 0; i < bodies.size(); ++i) impl_->ready.push_back(i);
  const absl::Status status = impl_->Loop(bodies, delegate);
  impl_->Drop();
  return status;
}

}  // namespace attune::trainer
