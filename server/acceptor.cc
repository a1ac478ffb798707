// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/acceptor.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"
#include "server/log.h"

namespace attune::server {
namespace {

// Between two looks at who has left.
constexpr int kAcceptBatch = 64;
constexpr int kEvents = 256;
constexpr int kPauseMilliseconds = 20;

UniqueFd OpenReserve() {
  return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

bool Watch(int epoll, int fd, uint32_t events) {
  epoll_event event = {};
  event.events = events;
  event.data.fd = fd;
  return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

// So that a refused peer knows at once, and no state of it stays behind.
void CloseAtOnce(UniqueFd connection) {
  const linger now = {.l_onoff = 1, .l_linger = 0};
  ::setsockopt(connection.get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

UniqueFd Accept(int listener, sockaddr_storage* peer) {
  socklen_t size = sizeof(*peer);
  return UniqueFd(::accept4(listener, reinterpret_cast<sockaddr*>(peer), &size,
                            SOCK_NONBLOCK | SOCK_CLOEXEC));
}

bool IsShortage(int error) { return error == EMFILE || error == ENFILE; }

}  // namespace

absl::StatusOr<std::unique_ptr<Acceptor>> Acceptor::Start(
    ListeningSockets sockets, Options options) {
  std::unique_ptr<Acceptor> acceptor(
      new Acceptor(std::move(sockets), std::move(options)));
  ATTUNE_RETURN_IF_ERROR(acceptor->Prepare());
  acceptor->thread_ = std::thread([raw = acceptor.get()] { raw->Run(); });
  return acceptor;
}

Acceptor::Acceptor(ListeningSockets sockets, Options options)
    : options_(std::move(options)),
      listeners_(std::move(sockets.fds)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      reserve_(OpenReserve()),
      counts_(options_.max_connections, options_.max_connections_per_address) {}

absl::Status Acceptor::Prepare() {
  bool good = epoll_.valid() && stop_.valid() && reserve_.valid() &&
              Watch(epoll_.get(), stop_.get(), EPOLLIN);
  for (const UniqueFd& listener : listeners_) {
    good = good && Watch(epoll_.get(), listener.get(), EPOLLIN);
  }
  if (good) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("cannot accept connections: ", std::strerror(errno)));
}

Acceptor::~Acceptor() {
  stopping_ = true;
  const uint64_t one = 1;
  if (stop_.valid()) (void)!::write(stop_.get(), &one, sizeof(one));
  if (thread_.joinable()) thread_.join();
  for (const auto& [watched, address] : connections_) ::close(watched);
}

void Acceptor::Run() {
  epoll_event events[kEvents];
  while (!stopping_) {
    const int count = ::epoll_wait(epoll_.get(), events, kEvents,
                                   paused_ ? kPauseMilliseconds : -1);
    if (paused_) Resume();
    // Who leaves makes room for who comes.
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      const bool hung_up = (events[i].events & EPOLLHUP) != 0;
      if (hung_up && connections_.contains(fd)) Ended(fd);
    }
    for (int i = 0; i < count; ++i) {
      if (IsListener(events[i].data.fd)) AcceptFrom(events[i].data.fd);
    }
    LogRefusals();
  }
}

bool Acceptor::IsListener(int fd) const {
  return std::any_of(
      listeners_.begin(), listeners_.end(),
      [fd](const UniqueFd& listener) { return listener.get() == fd; });
}

void Acceptor::AcceptFrom(int listener) {
  for (int i = 0; i < kAcceptBatch; ++i) {
    sockaddr_storage peer = {};
    UniqueFd connection = Accept(listener, &peer);
    if (connection.valid()) {
      Admit(listener, std::move(connection), KeyOf(peer));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (IsShortage(errno)) {
      if (!RefuseWithReserve(listener)) return;
    } else if (errno == ENOMEM || errno == ENOBUFS) {
      return Pause();
    }
    // Anything else was about this one connection, which is gone.
  }
}

void Acceptor::Admit(int listener, UniqueFd connection,
                     const AddressKey& address) {
  ConnectionStats& stats = *options_.stats;
  switch (counts_.Enter(address)) {
    case ConnectionCounts::Verdict::kTooMany:
      return Refuse(std::move(connection), &stats.refused_total);
    case ConnectionCounts::Verdict::kTooManyOfAddress:
      return Refuse(std::move(connection), &stats.refused_address);
    case ConnectionCounts::Verdict::kAdmitted:
      break;
  }
  UniqueFd watched(::fcntl(connection.get(), F_DUPFD_CLOEXEC, 0));
  // Hang-ups only, which are always reported, and each once.
  if (!watched.valid() || !Watch(epoll_.get(), watched.get(), EPOLLET)) {
    counts_.Leave(address);
    return Refuse(std::move(connection), &stats.refused_descriptors);
  }
  connections_.emplace(watched.Release(), address);
  stats.accepted.fetch_add(1, std::memory_order_relaxed);
  stats.open.store(counts_.open(), std::memory_order_relaxed);
  options_.hand_over(listener, connection.Release());
}

void Acceptor::Refuse(UniqueFd connection, std::atomic<int64_t>* counter) {
  counter->fetch_add(1, std::memory_order_relaxed);
  CloseAtOnce(std::move(connection));
}

bool Acceptor::RefuseWithReserve(int listener) {
  reserve_.Reset(-1);
  sockaddr_storage peer = {};
  UniqueFd connection = Accept(listener, &peer);
  const bool accepted = connection.valid();
  if (accepted) {
    Refuse(std::move(connection), &options_.stats->refused_descriptors);
  } else if (IsShortage(errno)) {
    // Another thread was quicker to take the descriptor.
    Pause();
  }
  reserve_ = OpenReserve();
  return accepted;
}

void Acceptor::Ended(int watched) {
  const auto found = connections_.find(watched);
  counts_.Leave(found->second);
  connections_.erase(found);
  // While another descriptor of it is open, closing alone would leave it in the
  // set, to be taken for the next connection with this number.
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, watched, nullptr);
  ::close(watched);
  options_.stats->open.store(counts_.open(), std::memory_order_relaxed);
}

void Acceptor::Pause() {
  if (std::exchange(paused_, true)) return;
  for (const UniqueFd& listener : listeners_) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener.get(), nullptr);
  }
}

void Acceptor::Resume() {
  paused_ = false;
  if (!reserve_.valid()) reserve_ = OpenReserve();
  for (const UniqueFd& listener : listeners_) {
    // Needs memory: if there is none, try again later.
    if (!Watch(epoll_.get(), listener.get(), EPOLLIN) && errno != EEXIST) {
      paused_ = true;
    }
  }
}

// At the first refusal and whenever their number has doubled.
void Acceptor::LogRefusals() {
  const ConnectionStats& stats = *options_.stats;
  const int64_t refused =
      stats.refused_total + stats.refused_address + stats.refused_descriptors;
  if (refused < next_logged_) return;
  next_logged_ = 2 * refused;
  Log(LogLevel::kWarning, "connections are refused",
      {{"setting", options_.setting},
       {"refused", refused},
       {"open", static_cast<int64_t>(counts_.open())}});
}

}  // namespace attune::server
