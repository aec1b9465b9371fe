// The data set that the tests of plans ask.
#pragma once

#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>

#include "storage/query/list_query.hpp"
#include "storage/query/parse.hpp"
#include "storage/ranking.hpp"
#include "tests/storage/storage_fixture.hpp"
#include "tests/support/sanitizers.hpp"
#include "tools/bench/dataset.hpp"

namespace pinhole::bench {

namespace query = storage::query;
namespace test = storage::test;

struct asked {
    query::entity root = query::entity::post;
    std::string filter = {};  ///< as `filter=` has it
    std::string ordering = "-created_at";
};

/// Made once: it takes a minute.
struct dataset {
    explicit dataset(std::size_t posts) : names(make_dataset(*store, {.posts = posts})) {
        storage::rank_unranked(*store);
    }

    query::list_request request_of(const asked& page) const {
        const query::parse_context context{page.root, names.caller};
        query::list_request request{.root = page.root, .me = names.caller};
        if (!page.filter.empty()) {
            request.filter = query::parse_expression(context, page.filter).value();
        }
        request.order = query::parse_ordering(context, page.ordering).value();
        return request;
    }

    query::list_answer run(const asked& page) const {
        return query::run_list(*store->snapshot(kv::read_mode::blocking), request_of(page)).value();
    }

    pinhole::test::temporary_directory directory;
    std::unique_ptr<kv::store> store = test::open_store(directory.path());
    dataset_names names;
};

}  // namespace pinhole::bench
