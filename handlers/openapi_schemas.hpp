// The schemas of the OpenAPI document: what bodies and parameters may be, derived from the
// entities' declarations. Pure; thread-safe.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "storage/schema/text_rule.hpp"

namespace pinhole::handlers::openapi {

/// Keeps its members in the order in which they were added.
using json = nlohmann::ordered_json;

/// The reference to one of `schemas`.
json reference(std::string_view schema);
json id_schema();
json text_schema(const storage::text_rule& rule);
/// A page of a list of what the schema `of` describes.
json page_schema(std::string_view of);

/// All that have a name, under it: entities and other bodies.
json schemas();

}  // namespace pinhole::handlers::openapi
