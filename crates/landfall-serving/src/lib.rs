//! What is loaded, and who runs next: repository, catalog, scheduler.
