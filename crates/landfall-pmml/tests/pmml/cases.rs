//! Small documents with answers calculated by hand, one for each rule.
