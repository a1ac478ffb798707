// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/dataset.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/sanitizer.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/sample_dataset.h"

namespace attune::trainer {
namespace {

using ::attune::testing::AtomicFiles;
using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr char kItems[] =
    "item_id:token\tmovie_title:token_seq\trelease_year:token\t"
    "class:token_seq\n"
    "a\tAlpha\t1995\tComedy Drama\n"
    "b\tBeta\t\tDrama\n"
    "c\tGamma\t1997\t\n"
    "d\t\t1998\tHorror\n"
    "e\tEpsilon\t1999\tHorror\n";

constexpr char kHeader[] =
    "user_id:token\titem_id:token\trating:float\ttimestamp:float\n";

// `user` touches a, b, c, d at the times 1 to 4, in another order.
std::string FourRows(const std::string& user) {
  return user + "\tc\t4\t3\n" + user + "\ta\t5\t1\n" + user + "\td\t2\t4\n" +
         user + "\tb\t3\t2\n";
}

std::string FourUsers() {
  return FourRows("u1") + FourRows("u2") + FourRows("u3") + FourRows("u4");
}

DatasetOptions Options(const AtomicFiles& files) {
  DatasetOptions options;
  options.path = files.path();
  options.min_interactions = 3;
  return options;
}

absl::StatusOr<Dataset> Load(const std::string& inter,
                             const std::string& item = kItems) {
  const AtomicFiles files(inter, item);
  return Dataset::Load(Options(files));
}

std::vector<int> ItemsOf(const User& user) {
  std::vector<int> items;
  for (const Interaction& i : user.history) items.push_back(i.item);
  for (const Interaction& i : user.targets) items.push_back(i.item);
  return items;
}

TEST(DatasetTest, SortsEachUsersInteractionsByTime) {
  const auto dataset = Load(kHeader + FourUsers());
  ASSERT_THAT(dataset, IsOk());
  EXPECT_EQ(dataset->name, "toy");
  ASSERT_EQ(dataset->users.size(), 4);
  for (const User& user : dataset->users) {
    EXPECT_THAT(ItemsOf(user), ElementsAre(0, 1, 2, 3));
    EXPECT_THAT(user.touched, ElementsAre(0, 1, 2, 3));
    EXPECT_EQ(user.targets.back().seconds, 4);
    EXPECT_EQ(user.targets.back().weight, 2.0F);
  }
}

TEST(DatasetTest, ReadsTitlesYearsAndGenres) {
  const auto dataset = Load(kHeader + FourUsers());
  ASSERT_THAT(dataset, IsOk());
  ASSERT_EQ(dataset->items.size(), 5);
  EXPECT_EQ(dataset->items[0].title, "Alpha (1995)");
  EXPECT_EQ(dataset->items[1].title, "Beta");
  EXPECT_EQ(dataset->items[3].title, "d");  // no title
  EXPECT_THAT(dataset->items[0].genres, ElementsAre("Comedy", "Drama"));
  EXPECT_THAT(dataset->items[2].genres, ElementsAre());
}

TEST(DatasetTest, LeavesTheYearOutWhenAsked) {
  const AtomicFiles files(kHeader + FourUsers(), kItems);
  DatasetOptions options = Options(files);
  options.year_in_title = false;
  const auto dataset = Dataset::Load(options);
  ASSERT_THAT(dataset, IsOk());
  EXPECT_EQ(dataset->items[0].title, "Alpha");
}

TEST(DatasetTest, KeepsFileOrderWithinEqualTimes) {
  std::string rows;
  for (const char* user : {"u1", "u2", "u3"}) {
    for (const char* item : {"c", "a", "b"}) {
      rows += std::string(user) + "\t" + item + "\t1\t7\n";
    }
  }
  const auto dataset = Load(kHeader + rows);
  ASSERT_THAT(dataset, IsOk());
  EXPECT_THAT(ItemsOf(dataset->users[0]), ElementsAre(2, 0, 1));
}

TEST(DatasetTest, KeepsTheLastOfARepeatedPair) {
  const auto dataset = Load(kHeader + FourUsers() + "u1\ta\t1\t9\n");
  ASSERT_THAT(dataset, IsOk());
  EXPECT_THAT(ItemsOf(dataset->users[0]), ElementsAre(1, 2, 3, 0));
  EXPECT_EQ(dataset->users[0].targets.back().weight, 1.0F);
}

TEST(DatasetTest, CountsLowRatingsAsTouchedButDropsThem) {
  const AtomicFiles files(kHeader + FourUsers(), kItems);
  DatasetOptions options = Options(files);
  options.min_rating = 3.0F;
  const auto dataset = Dataset::Load(options);
  ASSERT_THAT(dataset, IsOk());
  EXPECT_THAT(ItemsOf(dataset->users[0]), ElementsAre(0, 1, 2));
  EXPECT_THAT(dataset->users[0].touched, ElementsAre(0, 1, 2, 3));
}

TEST(DatasetTest, DropsUsersWithFewInteractions) {
  const auto dataset = Load(kHeader + FourUsers() + "u5\ta\t1\t1\n");
  ASSERT_THAT(dataset, IsOk());
  EXPECT_EQ(dataset->users.size(), 4);
}

TEST(DatasetTest, AcceptsCarriageReturnsByteOrderMarkAndEmptyLines) {
  std::string text = "\xEF\xBB\xBF" + (kHeader + FourUsers()) + "\n";
  std::string windows;
  for (const char c : text) windows += c == '\n' ? "\r\n" : std::string(1, c);
  const auto dataset = Load(windows);
  ASSERT_THAT(dataset, IsOk());
  EXPECT_EQ(dataset->users.size(), 4);
}

TEST(DatasetTest, ReadsFilesWithoutRatings) {
  std::string rows = "timestamp:float\titem_id:token\tuser_id:token\n";
  for (const char* user : {"u1", "u2", "u3"}) {
    for (const char* item : {"a", "b", "c"}) {
      rows += std::string("1\t") + item + "\t" + user + "\n";
    }
  }
  const auto dataset = Load(rows);
  ASSERT_THAT(dataset, IsOk());
  EXPECT_EQ(dataset->users[0].history[0].weight, 0.0F);
}

TEST(DatasetTest, TakesTheFirstSequenceForATitle) {
  const auto dataset = Load(kHeader + FourUsers(),
                            "tags:float\titem_id:token\tlabel:token_seq\n"
                            "1\ta\tOne\n1\tb\tTwo\n1\tc\tThree\n1\td\tFour\n");
  ASSERT_THAT(dataset, IsOk());
  EXPECT_EQ(dataset->items[1].title, "Two");
}

TEST(DatasetTest, MakesInvalidTitlesFitForARequest) {
  const std::string longest(5000, 'x');
  const auto dataset = Load(kHeader + FourUsers(),
                            "item_id:token\ttitle:token_seq\na\t\xFF\xFE"
                            "ok\nb\t" +
                                longest + "\nc\tC\nd\tD\n");
  ASSERT_THAT(dataset, IsOk());
  for (const policy::Item& item : dataset->items) {
    EXPECT_TRUE(policy::IsValidUtf8(item.title));
    EXPECT_LE(item.title.size(), policy::kMaxTitleBytes);
    EXPECT_FALSE(item.title.empty());
  }
}

struct BadFile {
  const char* name;
  std::string inter;
  std::string item;
  const char* message;
};

class DatasetBadFileTest : public ::testing::TestWithParam<BadFile> {};

TEST_P(DatasetBadFileTest, NamesFileAndLine) {
  const BadFile& bad = GetParam();
  EXPECT_THAT(
      Load(bad.inter, bad.item),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(bad.message)));
}

std::vector<BadFile> BadFiles() {
  const std::string good = kHeader + FourUsers();
  return {{"NoUser", "item_id:token\ttimestamp:float\n", kItems,
           "toy.inter:1: column user_id is missing"},
          {"NoItem", "user_id:token\ttimestamp:float\n", kItems,
           "toy.inter:1: column item_id is missing"},
          {"NoTime", "user_id:token\titem_id:token\nu\ta\n", kItems,
           "toy.inter:1: column timestamp is missing"},
          {"NoType", "user_id\titem_id:token\n", kItems,
           "toy.inter:1: column 1 of the header is not name:type"},
          {"UnknownType", "user_id:token\titem_id:int\n", kItems,
           "toy.inter:1: column 2 of the header is not name:type"},
          {"RepeatedColumn", "user_id:token\tuser_id:token\n", kItems,
           "toy.inter:1: column 2 of the header repeats a name"},
          {"Empty", "", kItems, "toy.inter:1: column 1 of the header"},
          {"FewFields", good + "u9\ta\t1\n", kItems,
           "toy.inter:18: 3 fields, expected 4"},
          {"ManyFields", good + "u9\ta\t1\t1\t1\n", kItems,
           "toy.inter:18: 5 fields, expected 4"},
          {"BadTime", good + "u9\ta\t1\tsecret\n", kItems,
           "toy.inter:18: timestamp is not a finite number"},
          {"InfiniteTime", good + "u9\ta\t1\tinf\n", kItems,
           "toy.inter:18: timestamp is not a finite number"},
          {"NegativeTime", good + "u9\ta\t1\t-4\n", kItems,
           "toy.inter:18: timestamp is negative"},
          {"HugeTime", good + "u9\ta\t1\t1e300\n", kItems,
           "toy.inter:18: timestamp is more than 1e15"},
          {"NanRating", good + "u9\ta\tnan\t1\n", kItems,
           "toy.inter:18: rating is not a finite number"},
          {"NegativeRating", good + "u9\ta\t-1\t1\n", kItems,
           "toy.inter:18: rating is negative"},
          {"EmptyUser", good + "\ta\t1\t1\n", kItems,
           "toy.inter:18: user_id is empty"},
          {"UnknownItem", good + "u9\tsecret\t1\t1\n", kItems,
           "toy.inter:18: item_id is not in the .item file"},
          {"RepeatedItem", good, std::string(kItems) + "a\tAgain\t\t\n",
           "toy.item:7: item_id is repeated"},
          {"NoTitle", good, "item_id:token\tprice:float\na\t1\n",
           "toy.item:1: column title is missing"},
          {"LongId", good,
           std::string(kItems) + std::string(257, 'x') + "\tT\t\t\n",
           "toy.item:7: item_id has more than 256 bytes"},
          {"InvalidId", good, std::string(kItems) + "\xC3\x28\tT\t\t\n",
           "toy.item:7: item_id is not valid UTF-8"}};
}

INSTANTIATE_TEST_SUITE_P(All, DatasetBadFileTest,
                         ::testing::ValuesIn(BadFiles()), [](const auto& info) {
                           return std::string(info.param.name);
                         });

TEST(DatasetTest, NeverEchoesTheValue) {
  for (const char* row : {"u9\ta\t1\tsecret\n", "u9\tsecret\t1\t1\n"}) {
    const auto dataset = Load(kHeader + FourUsers() + row);
    EXPECT_THAT(std::string(dataset.status().message()),
                ::testing::Not(HasSubstr("secret")));
  }
}

TEST(DatasetTest, SaysWhichFileIsNotThere) {
  DatasetOptions options;
  options.path = ::testing::TempDir() + "no-such-data";
  EXPECT_THAT(Dataset::Load(options), StatusIs(absl::StatusCode::kNotFound,
                                               HasSubstr("no-such-data.item")));
}

TEST(DatasetTest, RefusesTooFewUsers) {
  EXPECT_THAT(Load(kHeader + FourRows("u1") + FourRows("u2")),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("train split is empty: of 2 users 2 have at "
                                 "least 3 interactions")));
}

TEST(DatasetTest, RefusesOptionsOutOfRange) {
  const AtomicFiles files(kHeader + FourUsers(), kItems);
  DatasetOptions options = Options(files);
  options.min_interactions = 2;
  EXPECT_THAT(Dataset::Load(options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("min_interactions")));
  for (const int targets : {0, 101}) {
    options = Options(files);
    options.targets = targets;
    EXPECT_THAT(Dataset::Load(options),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("targets must be in [1, 100]")));
  }
  for (const double share : {-0.1, 0.6, std::nan("")}) {
    options = Options(files);
    options.cold_item_share = share;
    EXPECT_THAT(Dataset::Load(options),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("cold_item_share")));
  }
  options = Options(files);
  options.validation_share = 0.5;
  options.test_share = 0.5;
  EXPECT_THAT(
      Dataset::Load(options),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("test_share")));
}

std::string ManyUsers(int count) {
  std::string text = kHeader;
  for (int i = 0; i < count; ++i) text += FourRows(absl::StrCat("u", i));
  return text;
}

TEST(DatasetTest, SplitsUsersIntoDisjointShares) {
  const auto dataset = Load(ManyUsers(100));
  ASSERT_THAT(dataset, IsOk());
  std::set<int> all;
  for (const UserSplit split :
       {UserSplit::kTrain, UserSplit::kValidation, UserSplit::kTest}) {
    const std::vector<int> users = dataset->UsersOf(split);
    EXPECT_EQ(users.size(), split == UserSplit::kTrain ? 60 : 20);
    EXPECT_TRUE(std::is_sorted(users.begin(), users.end()));
    all.insert(users.begin(), users.end());
  }
  EXPECT_EQ(all.size(), 100);
}

TEST(DatasetTest, SplitIsAFunctionOfTheSeed) {
  const AtomicFiles files(ManyUsers(100), kItems);
  DatasetOptions options = Options(files);
  const auto first = Dataset::Load(options);
  const auto again = Dataset::Load(options);
  options.seed = 2;
  const auto other = Dataset::Load(options);
  ASSERT_THAT(other, IsOk());
  EXPECT_EQ(first->UsersOf(UserSplit::kTest), again->UsersOf(UserSplit::kTest));
  EXPECT_NE(first->UsersOf(UserSplit::kTest), other->UsersOf(UserSplit::kTest));
}

TEST(DatasetTest, HoldsOutTheLastOnesAndShowsNoneOfThem) {
  const AtomicFiles files(kHeader + FourUsers(), kItems);
  DatasetOptions options = Options(files);
  options.targets = 2;
  const auto dataset = Dataset::Load(options);
  ASSERT_THAT(dataset, IsOk());
  EXPECT_TRUE(dataset->has_time);
  for (const User& user : dataset->users) {
    ASSERT_EQ(user.history.size(), 2);
    ASSERT_EQ(user.targets.size(), 2);
    EXPECT_THAT(ItemsOf(user), ElementsAre(0, 1, 2, 3));
  }
}

// Files like Last.fm's: play counts where the time should be.
std::string PlayCounts(int users) {
  std::string text = "user_id:token\titem_id:token\ttimestamp:float\n";
  for (int u = 0; u < users; ++u) {
    for (int i = 0; i < 5; ++i) {
      absl::StrAppend(&text, "u", u, "\t", std::string(1, "cadbe"[i]), "\t",
                      100 * (i + 1), "\n");
    }
  }
  return text;
}

TEST(DatasetTest, HoldsOutAtRandomWhereThereIsNoTime) {
  const AtomicFiles files(PlayCounts(600), kItems);
  DatasetOptions options = Options(files);
  options.holdout = HoldOut::kRandom;
  options.targets = 2;
  const auto dataset = Dataset::Load(options);
  ASSERT_THAT(dataset, IsOk());
  EXPECT_FALSE(dataset->has_time);
  std::vector<int> held_out(5, 0);
  for (const User& user : dataset->users) {
    ASSERT_EQ(user.history.size(), 3);
    ASSERT_EQ(user.targets.size(), 2);
    for (const auto* part : {&user.history, &user.targets}) {
      for (size_t i = 1; i < part->size(); ++i) {
        EXPECT_GT((*part)[i].weight, (*part)[i - 1].weight);
      }
    }
    for (const Interaction& i : user.targets) ++held_out[i.item];
    for (const Interaction& i : user.history) {
      EXPECT_EQ(i.weight, static_cast<float>(i.seconds));
    }
  }
  // Each item of five is one of two targets: 240 +- 3 standard deviations.
  for (const int count : held_out) EXPECT_NEAR(count, 240, 36);
}

TEST(DatasetTest, RandomHoldOutIsAFunctionOfTheSeed) {
  const AtomicFiles files(PlayCounts(50), kItems);
  DatasetOptions options = Options(files);
  options.holdout = HoldOut::kRandom;
  const auto targets = [&options] {
    std::vector<int> items;
    const auto dataset = Dataset::Load(options);
    for (const User& user : dataset->users) {
      items.push_back(user.targets[0].item);
    }
    return items;
  };
  const std::vector<int> first = targets();
  EXPECT_EQ(first, targets());
  options.seed = 2;
  EXPECT_NE(first, targets());
}

TEST(DatasetTest, DropsAndCountsUsersTooShortForTheirTargets) {
  const AtomicFiles files(
      kHeader + FourUsers() + "u5\ta\t1\t1\nu5\tb\t1\t2\nu5\tc\t1\t3\n",
      kItems);
  DatasetOptions options = Options(files);
  EXPECT_EQ(Dataset::Load(options)->dropped_users, 0);
  options.targets = 2;  // needs four interactions
  EXPECT_EQ(Dataset::Load(options)->dropped_users, 1);
  options.targets = 3;  // needs five
  EXPECT_THAT(Dataset::Load(options),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("of 5 users 0 have at least 5 interactions")));
}

TEST(DatasetTest, RefusesAnEmptyValidationSplit) {
  const AtomicFiles files(ManyUsers(10), kItems);
  DatasetOptions options = Options(files);
  options.validation_share = 0.0;
  EXPECT_THAT(Dataset::Load(options),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("the validation split is empty")));
}

TEST(DatasetTest, WithholdsAboutTheShareOfTheInteractions) {
  const AtomicFiles files(ManyUsers(100), kItems);
  DatasetOptions options = Options(files);
  options.cold_item_share = 0.33;  // 60 users touched each of three items
  const auto dataset = Dataset::Load(options);
  ASSERT_THAT(dataset, IsOk());
  const std::vector<int> all = dataset->PopularityCounts();
  const std::vector<int> warm = dataset->TrainCounts();
  EXPECT_THAT(all, ElementsAre(60, 60, 60, 0, 0));
  int cold = 0;
  for (int item = 0; item < 5; ++item) {
    cold += dataset->IsCold(item) ? 1 : 0;
    EXPECT_EQ(warm[item], dataset->IsCold(item) ? 0 : all[item]);
  }
  EXPECT_EQ(cold, 1);
  for (const auto& history : dataset->TrainHistories()) {
    EXPECT_EQ(history.size(), 2);
  }
}

TEST(DatasetTest, RefusesColdItemsThatAreNotThere) {
  const AtomicFiles files(ManyUsers(10), kItems);
  DatasetOptions options = Options(files);
  options.cold_item_share = 0.3;
  options.cold_item_min_count = 7;  // only 6 train users
  EXPECT_THAT(Dataset::Load(options),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("too few items have at least 7")));
}

TEST(DatasetTest, TrainCountsLeaveOutTargetsAndOtherSplits) {
  const auto dataset = Load(ManyUsers(100));
  ASSERT_THAT(dataset, IsOk());
  EXPECT_THAT(dataset->TrainCounts(), ElementsAre(60, 60, 60, 0, 0));
}

}  // namespace
}  // namespace attune::trainer
