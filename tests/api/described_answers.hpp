// Holds the API's own description against every answer that the tests have seen.
#pragma once

namespace pinhole::test {

/// Each answer to a described operation has a status that the operation declares, and with it the
/// header fields that the description knows.
void check_that_seen_answers_are_described();

}  // namespace pinhole::test
