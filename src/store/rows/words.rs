//! Closed vocabularies: enumerations whose values are stored and shown as fixed words.

macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $type {
            $($(#[$vdoc])* $variant,)*
        }

        impl $type {
            /// Every value.
            pub const ALL: &'static [$type] = &[$($type::$variant,)*];

            /// The word that is stored and shown.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($type::$variant => $word,)*
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<$type, String> {
                let known = $type::ALL.iter().copied().find(|value| value.as_str() == text);
                known.ok_or_else(|| {
                    let words: Vec<&str> = $type::ALL.iter().map(|value| value.as_str()).collect();
                    format!("expected one of `{}`", words.join("`, `"))
                })
            }
        }
    };
}
pub(super) use words;
