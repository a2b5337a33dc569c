//! A library's functions by field: each looked up by its name once, when the library is opened.

/// Declares `Functions`, whose fields are pointers to a library's functions, and `Functions::of`, which looks all of them
/// up; it fails with the name of one that is not there.
macro_rules! functions {
    ($($(#[$doc:meta])* $field:ident: $name:literal = fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions of the library that are called.
        pub(super) struct Functions {
            $($(#[$doc])* pub(super) $field: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Functions {
            fn of(library: &landfall_foreign::Library) -> Result<Self, String> {
                Ok(Functions {
                    // SAFETY: the types are those of the library's headers.
                    $($field: unsafe { library.function($name) }?,)*
                })
            }

            /// Functions that nobody is to call: a test puts its own in the place of those that it means.
            #[cfg(test)]
            pub(super) fn unexpected() -> Self {
                Functions {
                    $($field: {
                        unsafe extern "C" fn unexpected($(_: $argument),*) $(-> $result)? {
                            panic!("{} is called", $name)
                        }
                        unexpected
                    },)*
                }
            }
        }
    };
}

pub(crate) use functions;
