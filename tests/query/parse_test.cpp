#include "storage/query/parse.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

#include "storage/query/csv.hpp"

namespace pinhole::storage::query {
namespace {

constexpr entity_id me = 77;

/// A condition in one line: (author.id exact)&~(…)
std::string shape(const condition& of) {
    switch (of.what) {
        case condition::kind::test: {
            std::string text = "(";
            for (const auto* relation : of.leaf->path.relations) {
                text += std::string{relation->name} + '.';
            }
            text += of.leaf->path.field->name;
            if (of.leaf->predicate) {
                text += of.leaf->predicate->part() ? " part " : " ";
                text += to_name(of.leaf->predicate->which());
            } else {
                text += of.leaf->wants_null ? " null" : " not null";
            }
            return text + ')';
        }
        case condition::kind::negation:
            return '~' + shape(of.parts.front());
        default: {
            std::string text;
            for (const condition& part : of.parts) {
                text += text.empty() ? "[" : of.what == condition::kind::all ? "&" : "|";
                text += shape(part);
            }
            return text + ']';
        }
    }
}

std::string said(const error& refused) {
    BOOST_TEST((refused.code == error_code::malformed));
    BOOST_TEST_REQUIRE(refused.fields.size() == 1U);
    return refused.fields.front().message;
}

std::string parameter(entity root, std::string_view name, std::string_view text) {
    const auto parsed = parse_parameter({root, me}, name, text);
    return parsed ? shape(*parsed) : "refused: " + said(parsed.error());
}

std::string expression(std::string_view text, entity root = entity::post) {
    const auto parsed = parse_expression({root, me}, text);
    return parsed ? shape(*parsed) : said(parsed.error());
}

std::string ordering(std::string_view text, entity root = entity::post) {
    const auto parsed = parse_ordering({root, me}, text);
    if (!parsed) {
        return said(parsed.error());
    }
    std::string all;
    for (const order_key& key : *parsed) {
        all += all.empty() ? "" : ",";
        all += key.descending ? "-" : "";
        for (const auto* relation : key.path.relations) {
            all += std::string{relation->name} + '.';
        }
        all += key.path.field->name;
    }
    return all;
}

BOOST_AUTO_TEST_SUITE(catalog)

BOOST_AUTO_TEST_CASE(what_is_not_shown_cannot_be_named) {
    for (const auto* name :
         {"password", "is_staff", "deleted_at", "sessions", "password__startswith"}) {
        BOOST_TEST(parameter(entity::user, name, "x").starts_with("refused"), name);
        BOOST_TEST(expression("author__" + std::string{name} + "=\"x\"").starts_with("column 1"),
                   name);
        BOOST_TEST(!ordering("author__" + std::string{name}).starts_with("author"), name);
    }
    BOOST_TEST(parameter(entity::file, "sha256", "x").starts_with("refused"));
    BOOST_TEST(parameter(entity::like, "is_counted", "true").starts_with("refused"));
}

BOOST_AUTO_TEST_CASE(each_reference_is_a_relation_both_ways) {
    for (const auto& [root, path] :
         std::initializer_list<std::pair<entity, const char*>>{{entity::post, "author"},
                                                               {entity::post, "files"},
                                                               {entity::post, "comments"},
                                                               {entity::post, "likes"},
                                                               {entity::user, "posts"},
                                                               {entity::user, "comments"},
                                                               {entity::user, "likes"},
                                                               {entity::file, "post"},
                                                               {entity::comment, "post"},
                                                               {entity::comment, "author"},
                                                               {entity::like, "post"},
                                                               {entity::like, "user"}}) {
        BOOST_TEST(parameter(root, path, "5") == "(" + std::string{path} + ".id exact)");
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(parameters)

BOOST_AUTO_TEST_CASE(paths_follow_relations_and_end_in_fields_parts_and_lookups) {
    BOOST_TEST(parameter(entity::comment, "post__author__username", "kim") ==
               "(post.author.username exact)");
    BOOST_TEST(parameter(entity::post, "likes__user__username__icontains", "k") ==
               "(likes.user.username icontains)");
    BOOST_TEST(parameter(entity::post, "likes__user", "me") == "(likes.user.id exact)");
    BOOST_TEST(parameter(entity::post, "author__in", "me,5") == "(author.id in)");
    BOOST_TEST(parameter(entity::post, "author__pk", "5") == "(author.id exact)");
    BOOST_TEST(parameter(entity::post, "created_at__year__gte", "2025") == "(created_at part gte)");
    BOOST_TEST(parameter(entity::post, "created_at__date", "2025-01-31") ==
               "(created_at part exact)");
    BOOST_TEST(parameter(entity::post, "like_count__gt", "-1") == "(like_count gt)");
    BOOST_TEST(parameter(entity::post, "likes__isnull", "true") == "(likes.id null)");
    BOOST_TEST(parameter(entity::post, "content__isnull", "false") == "(content not null)");
    BOOST_TEST(parameter(entity::post, "id__in", "") == "(id in)");
    BOOST_TEST(parameter(entity::post, "content", "") == "(content exact)");
    BOOST_TEST(parameter(entity::user, "posts__likes__user__posts__content__regex", "^a") ==
               "(posts.likes.user.posts.content regex)");
}

BOOST_AUTO_TEST_CASE(an_exclamation_mark_negates) {
    BOOST_TEST(parameter(entity::post, "likes__user!", "me") == "~(likes.user.id exact)");
    BOOST_TEST(parameter(entity::post, "content__contains!", "a") == "~(content contains)");
}

BOOST_AUTO_TEST_CASE(me_is_a_user_and_nothing_else) {
    BOOST_TEST(parameter(entity::user, "id", "me") == "(id exact)");
    BOOST_TEST(parameter(entity::post, "id", "me") == "refused: must be an id");
    BOOST_TEST(parameter(entity::comment, "post", "me") == "refused: must be an id");
    BOOST_TEST(parameter(entity::user, "username", "me") == "(username exact)");
    const auto parsed = parse_parameter({entity::post, me}, "author", "me");
    BOOST_TEST_REQUIRE(parsed.has_value());
    BOOST_TEST((parsed->leaf->predicate->operands().front() == value{me}));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_named_with_what_is_allowed) {
    BOOST_TEST(parameter(entity::post, "contnt", "a").contains("did you mean \"content\"?"));
    BOOST_TEST(parameter(entity::post, "zzz", "a").contains("there are: id, content, like_count"));
    BOOST_TEST(parameter(entity::post, "author__usrname", "a").contains("username"));
    BOOST_TEST(parameter(entity::post, "orderng", "id").contains("did you mean \"ordering\"?"));
    BOOST_TEST(parameter(entity::post, "zzz", "a").contains("cursor, page_size"));
    BOOST_TEST(!parameter(entity::post, "author__orderng", "id").contains("ordering"));
    BOOST_TEST(parameter(entity::post, "content__icontain", "a").contains("\"icontains\"?"));
    BOOST_TEST(parameter(entity::post, "created_at__yer", "1").contains("\"year\"?"));
    BOOST_TEST(parameter(entity::post, "content__year", "2025")
                   .contains("\"year\" cannot be asked here (there are: exact, iexact"));
    BOOST_TEST(parameter(entity::post, "like_count__contains", "1").contains("gte"));
    BOOST_TEST(parameter(entity::post, "created_at__year__month", "1").starts_with("refused"));
    BOOST_TEST(parameter(entity::post, "created_at__gt__lt", "1").starts_with("refused"));
    BOOST_TEST(parameter(entity::post, "author__", "1").starts_with("refused"));
    BOOST_TEST(parameter(entity::post, "", "1").starts_with("refused"));
    BOOST_TEST(parameter(entity::post, "!", "1").starts_with("refused"));
    BOOST_TEST(parameter(entity::post, "__", "1").starts_with("refused"));
    BOOST_TEST(parameter(entity::post, "content__contains__", "1").starts_with("refused"));
    BOOST_TEST(parameter(entity::post, "author", "lee") == "refused: must be an id or `me`");
    BOOST_TEST(parameter(entity::post, "like_count", "many") == "refused: must be a whole number");
    BOOST_TEST(parameter(entity::post, "like_count", "9223372036854775808").starts_with("refused"));
    BOOST_TEST(parameter(entity::post, "is_deleted", "yes") == "refused: must be true or false");
    BOOST_TEST(parameter(entity::post, "created_at", "today").contains("RFC 3339"));
    BOOST_TEST(parameter(entity::post, "created_at__date", "2025-02-30").contains("a date"));
    BOOST_TEST(parameter(entity::post, "content__range", "a").contains("two values"));
    BOOST_TEST(parameter(entity::post, "content__in", "a,\"b").contains("quote out of place"));
    BOOST_TEST(parameter(entity::post, "content__regex", "(").contains("no regular expression"));
    BOOST_TEST(parameter(entity::post, "likes__isnull", "1") == "refused: must be true or false");
}

BOOST_AUTO_TEST_CASE(a_path_may_not_go_round_for_ever) {
    std::string path = "author";
    for (std::size_t i = 1; i + 2 <= relations_max; i += 2) {
        path += "__posts__author";
    }
    BOOST_TEST(!parameter(entity::post, path, "5").starts_with("refused"));
    BOOST_TEST(parameter(entity::post, path + "__posts__author", "5").contains("may follow 8"));
}

BOOST_AUTO_TEST_CASE(lists_are_lines_of_csv) {
    using fields = std::vector<std::string>;
    BOOST_TEST((parse_csv_line("") == fields{}));
    BOOST_TEST((parse_csv_line("\"\"") == fields{""}));
    BOOST_TEST((parse_csv_line("a,,b") == fields{"a", "", "b"}));
    BOOST_TEST((parse_csv_line(",") == fields{"", ""}));
    BOOST_TEST((parse_csv_line("\"a,b\",\"say \"\"hi\"\"\",\"x\ny\"") ==
                fields{"a,b", "say \"hi\"", "x\ny"}));
    for (const auto* text :
         {"\"", "\"a", "a\"", "a\"b\"", "\"a\"b", "\"a\" ,b", "a,\"", "\"\"\""}) {
        BOOST_TEST(!parse_csv_line(text).has_value(), text);
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(expressions)

BOOST_AUTO_TEST_CASE(not_binds_tighter_than_and_and_that_tighter_than_or) {
    BOOST_TEST(expression(R"(id=1|id=2&~id=3)") == "[(id exact)|[(id exact)&~(id exact)]]");
    BOOST_TEST(expression(R"(( id = 1 | id = 2 ) & ~ ~ id = 3)") ==
               "[[(id exact)|(id exact)]&~~(id exact)]");
    BOOST_TEST(expression(R"(~(id=1))") == "~(id exact)");
    BOOST_TEST(expression("((((id=1))))") == "(id exact)");
    BOOST_TEST(
        expression(R"((content__icontains="sea" | author__username="kim") & ~like_count__gt=3)") ==
        "[[(content icontains)|(author.username exact)]&~(like_count gt)]");
}

BOOST_AUTO_TEST_CASE(values_are_json_literals) {
    BOOST_TEST(expression(R"(content="a \"quoted\" \u00e9 \ud83d\ude00 ) & (")") ==
               "(content exact)");
    BOOST_TEST(expression(R"(id__in=[1,"2"] & author="me" & author=7)") ==
               "[(id in)&(author.id exact)&(author.id exact)]");
    BOOST_TEST(expression(R"(id__in=[])") == "(id in)");
    BOOST_TEST(expression(R"(like_count__range=[ -1 , 5 ])") == "(like_count range)");
    BOOST_TEST(expression(R"(is_deleted=false & likes__isnull=true)") ==
               "[(is_deleted exact)&(likes.id null)]");
    BOOST_TEST(expression(R"(created_at__gte="2025-01-01T00:00:00Z")") == "(created_at gte)");
    BOOST_TEST(expression(R"(created_at__year__in=[2024,2025])") == "(created_at part in)");
}

BOOST_AUTO_TEST_CASE(faults_say_at_which_column_and_what_is_expected) {
    BOOST_TEST(expression("") == "column 1: expected a field, `~` or `(`");
    BOOST_TEST(expression("   ") == "column 4: expected a field, `~` or `(`");
    BOOST_TEST(expression("id=1 id=2") == "column 6: expected `&`, `|` or the end");
    BOOST_TEST(expression("(id=1") == "column 6: expected `&`, `|` or `)`");
    BOOST_TEST(expression("id=1)") == "column 5: expected `&`, `|` or the end");
    BOOST_TEST(expression("id=1 &") == "column 7: expected a field, `~` or `(`");
    BOOST_TEST(expression("id") == "column 3: expected `=`");
    BOOST_TEST(expression("content=\"바다\" & x=1").starts_with("column 16: \"x\" is no field"));
    BOOST_TEST(expression("content='a'").starts_with("column 9: expected a JSON literal"));
    BOOST_TEST(expression("content=\"a").starts_with("column 9: expected a JSON literal"));
    BOOST_TEST(expression("content=\"\\ud800\"").starts_with("column 9: expected a JSON literal"));
    BOOST_TEST(expression("content=5") == "column 9: must be a string");
    BOOST_TEST(expression("content=null") == "column 9: must be a string");
    BOOST_TEST(expression("like_count=1.5") == "column 12: must be a whole number");
    BOOST_TEST(expression("like_count=1e3") == "column 12: must be a whole number");
    BOOST_TEST(expression("like_count=9223372036854775808") == "column 12: must be a whole number");
    BOOST_TEST(expression("id__in=1") == "column 8: expected an array");
    BOOST_TEST(expression("id__in=[1 2]") == "column 11: expected `,` or `]`");
    BOOST_TEST(expression("id__in=[1,]").starts_with("column 11: expected a JSON literal"));
    BOOST_TEST(expression("id__in=[[1]]").starts_with("column 9: expected a JSON literal"));
    BOOST_TEST(expression("like_count__range=[1]").contains("two values"));
    BOOST_TEST(expression("id=\"x\"") == "column 4: must be an id");
    BOOST_TEST(expression("id=-1") == "column 4: must be an id");
}

BOOST_AUTO_TEST_CASE(depth_length_and_tests_are_bounded) {
    const auto nested = [](std::size_t depth) {
        return std::string(depth, '(') + "id=1" + std::string(depth, ')');
    };
    BOOST_TEST(expression(nested(expression_depth_max)) == "(id exact)");
    BOOST_TEST(expression(nested(expression_depth_max + 1)).contains("too deep"));
    BOOST_TEST(
        expression(std::string(expression_bytes_max - 4, '~') + "id=1").contains("too deep"));
    BOOST_TEST(expression(std::string(expression_bytes_max, '(')).contains("too deep"));
    BOOST_TEST(expression(std::string(expression_bytes_max + 1, ' ')).contains("8192 bytes"));
    std::string many = "id=1";
    for (std::size_t i = 1; i < expression_tests_max; ++i) {
        many += "&id=1";
    }
    BOOST_TEST(!expression(many).starts_with("column"));
    BOOST_TEST(expression(many + "&id=1").contains("100 tests"));
}

BOOST_AUTO_TEST_CASE(regular_expressions_of_a_whole_query_are_counted) {
    std::size_t patterns = 0;
    const parse_context context{entity::post, me, &patterns};
    const auto both = parse_expression(context, R"(content__regex="a" & content__iregex="b")");
    BOOST_TEST(both.has_value());
    for (std::size_t more = 2; more < patterns_max; ++more) {
        BOOST_TEST(parse_parameter(context, "content__regex!", "c").has_value());
    }
    BOOST_TEST(parse_parameter(context, "content__icontains", "d").has_value());
    const auto one_more = parse_parameter(context, "content__regex", "e");
    BOOST_TEST_REQUIRE(!one_more.has_value());
    BOOST_TEST(one_more.error().message.contains("8 regular expressions"));
    BOOST_TEST(!parse_expression(context, R"(author__name__iregex="f")").has_value());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(orders)

BOOST_AUTO_TEST_CASE(an_id_breaks_ties_in_the_direction_of_the_last_field) {
    BOOST_TEST(ordering("-created_at") == "-created_at,-id");
    BOOST_TEST(ordering("-like_count,author__username") == "-like_count,author.username,id");
    BOOST_TEST(ordering("author") == "author.id,id");
    BOOST_TEST(ordering("-id") == "-id");
    BOOST_TEST(ordering("id,content") == "id");
    BOOST_TEST(ordering("content,-id,author") == "content,-id");
}

BOOST_AUTO_TEST_CASE(what_is_no_order_is_refused) {
    BOOST_TEST(ordering("").contains("is no field"));
    BOOST_TEST(ordering("-").contains("is no field"));
    BOOST_TEST(ordering("content,").contains("is no field"));
    BOOST_TEST(ordering("--content").contains("is no field"));
    BOOST_TEST(ordering("likes__created_at").contains("leads to many rows"));
    BOOST_TEST(ordering("author__posts").contains("leads to many rows"));
    BOOST_TEST(ordering("content__year").contains("is no field"));
    BOOST_TEST(ordering("id,nonsense").contains("\"nonsense\" is no field"));
    BOOST_TEST(ordering("-id,password").contains("is no field"));
    BOOST_TEST(ordering("contents").contains("did you mean \"content\"?"));
    std::string many = "content";
    for (std::size_t i = 0; i < order_keys_max; ++i) {
        many += ",content";
    }
    BOOST_TEST(ordering(many).contains("8 fields"));
    std::string behind_an_id = "id";
    for (std::size_t i = 0; i < order_keys_max; ++i) {
        behind_an_id += ",content";
    }
    BOOST_TEST(ordering(behind_an_id).contains("8 fields"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::storage::query
