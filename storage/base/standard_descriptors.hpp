// Standard input, output and error, which whoever starts a program may have closed: the next file
// that is opened then gets such a number, and what is meant for people is written into it. That may
// be a file of the database.
#pragma once

namespace pinhole::storage {

/// Occupies those of the three that are closed, so that to read or write there fails; what goes to
/// a closed standard error goes nowhere. Call it before anything is opened; it ends the process
/// where it cannot be done. As `stdopen` of GNU coreutils does.
void occupy_standard_descriptors();

}  // namespace pinhole::storage
